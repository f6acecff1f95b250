#include "ptx/module.h"

#include <algorithm>
#include <cstring>

#include "runtime/memory.h"

namespace cuda_emulation::ptx {
namespace {

constexpr std::uint32_t kArgumentAlign = 16;

std::uint32_t unsigned_of(std::string_view word) {
  return static_cast<std::uint32_t>(number_of(word));
}

// "(.param .align 8 .b8 name[24], ...)"; returns the bytes up to the last one's end.
std::uint32_t parse_parameters(Reader& in, std::vector<Parameter>& parameters,
                               std::uint32_t offset) {
  in.expect("(");
  while (!in.take(")")) {
    if (in.take(",")) continue;
    Parameter p;
    Type type = Type::none;
    bool pointee = false;  // what follows .ptr is said of the memory it points to
    std::uint32_t align = 0;
    while (in.peek().substr(0, 1) == ".") {
      const std::string_view word = in.next().substr(1);
      if (word == "ptr") pointee = true;
      if (word == "align") {
        const std::uint32_t given = unsigned_of(in.next());
        if (!pointee) align = given;
      } else if (type_named(word) != Type::none) {
        type = type_named(word);
      }
    }
    p.name = in.next();
    std::uint32_t count = 1;
    if (in.take("[")) {
      count = in.peek() == "]" ? 0 : unsigned_of(in.next());
      in.expect("]");
    }
    p.size = count * static_cast<std::uint32_t>(size_of(type));
    p.align = std::max(align, static_cast<std::uint32_t>(size_of(type)));
    p.offset = offset = align_up(offset, p.align);
    offset += p.size;
    parameters.push_back(std::move(p));
  }
  return offset;
}

class ModuleParser {
 public:
  explicit ModuleParser(Module& module)
      : module_(module), in_(module.tokens, 0, module.tokens.size()) {}

  void parse() {
    while (!in_.done()) parse_directive();
    for (auto& entry : module_.variables) place(entry.second);
    for (auto& entry : module_.variables) fill(entry.second);
  }

 private:
  void parse_directive() {
    std::string_view word = in_.next();
    bool external = false;
    while (word == ".visible" || word == ".weak" || word == ".extern" || word == ".common") {
      external = external || word == ".extern";
      word = in_.next();
    }
    if (word == ".version" || word == ".target" || word == ".address_size") {
      in_.next();
      while (in_.take(",")) in_.next();
    } else if (word == ".section") {
      in_.next();
      in_.skip_braces();
    } else if (word == ".pragma" || word == ".alias") {
      in_.skip_to(";");
    } else if (word == ".global" || word == ".const" || word == ".shared") {
      parse_module_variable(word == ".global"  ? Space::global
                            : word == ".const" ? Space::constant
                                               : Space::shared,
                            external);
    } else if (word == ".entry" || word == ".func") {
      parse_function(word == ".entry");
    } else {
      throw Error("ptx line " + std::to_string(in_.line()) + ": unknown directive " +
                  std::string(word));
    }
  }

  void parse_module_variable(Space space, bool external) {
    std::string name;
    Variable v = parse_variable(in_, space, name);
    v.external = external;
    if (space == Space::shared && !external) {
      module_.shared_bytes = align_up(module_.shared_bytes, v.align);
      v.address = kFirstOffset + module_.shared_bytes;
      module_.shared_bytes += v.size;
    }
    module_.variables[name] = std::move(v);
  }

  void parse_function(bool entry) {
    auto f = std::make_unique<Function>();
    f->module = &module_;
    f->entry = entry;
    std::vector<Parameter> results;
    if (in_.peek() == "(") parse_parameters(in_, results, 0);
    f->name = in_.next();
    if (in_.peek() == "(") f->parameter_bytes = parse_parameters(in_, f->parameters, 0);
    f->argument_bytes = f->parameter_bytes;
    for (Parameter& r : results) {
      r.offset = align_up(f->argument_bytes, std::max(r.align, kArgumentAlign));
      f->argument_bytes = r.offset + r.size;
    }
    f->results = std::move(results);
    while (in_.peek() != "{" && in_.peek() != ";") {
      const std::string_view word = in_.next();
      if (word == ".maxntid" || word == ".reqntid") {
        f->max_threads = unsigned_of(in_.next());
        while (in_.take(",")) f->max_threads *= unsigned_of(in_.next());
      }
    }
    const bool declared_only = in_.take(";");
    if (!declared_only) {
      f->body_begin = in_.position() + 1;
      in_.skip_braces();
      f->body_end = in_.position() - 1;
    }
    auto& known = module_.functions[f->name];
    if (!known || !declared_only) known = std::move(f);
  }

  void place(Variable& v) {
    if (v.space != Space::global && v.space != Space::constant) return;
    Allocation* memory = allocate(module_.device, std::max<std::size_t>(v.size, 1), true);
    if (!memory) throw Error("ptx: no device addresses left for variables");
    std::memset(memory->bytes.get(), 0, memory->size);
    std::memset(memory->written.get(), 1, memory->size);
    std::copy(v.initial.begin(), v.initial.end(), memory->bytes.get());
    v.address = memory->start;
  }

  void fill(const Variable& v) {
    for (const auto& pointer : v.pointers) {
      const auto target = module_.variables.find(pointer.second);
      if (target == module_.variables.end())
        throw Error("ptx: a variable points to the unknown " + pointer.second);
      std::memcpy(find_allocation(v.address)->bytes.get() + pointer.first, &target->second.address,
                  sizeof(std::uint64_t));
    }
  }

  Module& module_;
  Reader in_;
};

// "= {1, 2}", "= 5", "= {generic(other), 0}"
void parse_initial(Reader& in, Type type, Variable& v) {
  v.initial.assign(v.size, 0);
  std::uint32_t offset = 0;
  for (;;) {
    if (in.peek() == ";") return;
    const bool negative = in.take("-");
    const std::string_view word = in.next();
    if (word == "{" || word == "}" || word == "," || word == "(" || word == ")") continue;
    if (word == "generic") continue;
    if (offset + size_of(type) > v.size) throw Error("ptx: an initial value is too long");
    if (is_number(word)) {
      const std::uint64_t bits = negative ? -number_of(word) : number_of(word);
      std::memcpy(&v.initial[offset], &bits, size_of(type));
    } else {
      v.pointers.emplace_back(offset, word);
    }
    offset += static_cast<std::uint32_t>(size_of(type));
  }
}

}  // namespace

std::uint32_t align_up(std::uint32_t offset, std::uint32_t align) {
  return (offset + align - 1) / align * align;
}

Variable parse_variable(Reader& in, Space space, std::string& name) {
  Variable v;
  v.space = space;
  Type type = Type::none;
  while (in.peek().substr(0, 1) == ".") {
    const std::string_view word = in.next().substr(1);
    if (word == "align") v.align = unsigned_of(in.next());
    if (type_named(word) != Type::none) type = type_named(word);
  }
  v.align = std::max(v.align, static_cast<std::uint32_t>(size_of(type)));
  name = in.next();
  v.size = static_cast<std::uint32_t>(size_of(type));
  while (in.take("[")) {
    v.size *= in.peek() == "]" ? 0 : unsigned_of(in.next());
    in.expect("]");
  }
  if (in.take("=")) parse_initial(in, type, v);
  in.expect(";");
  return v;
}

Function* Module::find(const std::string& name) {
  const auto found = functions.find(name);
  if (found == functions.end() || found->second->body_end == 0) return nullptr;
  return found->second.get();
}

std::unique_ptr<Module> parse_module(std::string text, int device) {
  auto module = std::make_unique<Module>();
  module->text = std::move(text);
  module->device = device;
  module->tokens = tokens_of(module->text);
  ModuleParser(*module).parse();
  return module;
}

}  // namespace cuda_emulation::ptx
