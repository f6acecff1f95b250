// The body of a function, from words to instructions.
#include <algorithm>
#include <cstring>
#include <map>

#include "ptx/handlers.h"
#include "ptx/module.h"
#include "ptx/thread.h"

namespace cuda_emulation::ptx {
namespace {

const std::unordered_map<std::string_view, Operand>& special_registers() {
  const auto of = [](auto value) {
    return Operand{std::is_same_v<decltype(value), ThreadValue> ? Bank::thread : Bank::block,
                   static_cast<std::uint32_t>(value)};
  };
  static const auto& all = *new std::unordered_map<std::string_view, Operand>{
      {"%tid.x", of(ThreadValue::tid_x)},
      {"%tid.y", of(ThreadValue::tid_y)},
      {"%tid.z", of(ThreadValue::tid_z)},
      {"%laneid", of(ThreadValue::lane)},
      {"%warpid", of(ThreadValue::warp)},
      {"%lanemask_eq", of(ThreadValue::lanes_eq)},
      {"%lanemask_lt", of(ThreadValue::lanes_lt)},
      {"%lanemask_le", of(ThreadValue::lanes_le)},
      {"%lanemask_gt", of(ThreadValue::lanes_gt)},
      {"%lanemask_ge", of(ThreadValue::lanes_ge)},
      {"%ntid.x", of(BlockValue::ntid_x)},
      {"%ntid.y", of(BlockValue::ntid_y)},
      {"%ntid.z", of(BlockValue::ntid_z)},
      {"%ctaid.x", of(BlockValue::ctaid_x)},
      {"%ctaid.y", of(BlockValue::ctaid_y)},
      {"%ctaid.z", of(BlockValue::ctaid_z)},
      {"%nctaid.x", of(BlockValue::nctaid_x)},
      {"%nctaid.y", of(BlockValue::nctaid_y)},
      {"%nctaid.z", of(BlockValue::nctaid_z)},
      {"%gridid", of(BlockValue::grid)},
      {"%smid", of(BlockValue::sm)},
      {"%nsmid", of(BlockValue::sms)},
      {"%nwarpid", of(BlockValue::warps)},
      {"%dynamic_smem_size", of(BlockValue::dynamic_shared)},
      {"%total_smem_size", of(BlockValue::total_shared)},
      {"%clock", {Bank::clock, 0}},
      {"%clock64", {Bank::clock, 0}},
      {"%globaltimer", {Bank::clock, 0}},
  };
  return all;
}

class Decoder {
 public:
  explicit Decoder(Function& f)
      : f_(f), module_(*f.module), in_(module_.tokens, f.body_begin, f.body_end) {}

  void decode() {
    f_.shared_bytes = module_.shared_bytes;
    f_.constants.push_back(0);  // what an operand is that is not given
    scopes_.emplace_back();
    while (!in_.done()) {
      const std::size_t from = in_.position();
      try {
        decode_statement();
      } catch (const Error& error) {
        throw Error("kernel or function " + f_.name + ", " + statement(from) + ": " + error.what());
      }
    }
    Instruction end;
    end.run = find_control(Opcode("ret"), end);
    add(end, "the end");
    for (const auto& fix : branches_) f_.code[fix.first].target = label(fix.second);
    for (const auto& fix : tables_used_) {
      const auto table = tables_.find(fix.second);
      if (table == tables_.end()) throw Error("ptx: no table of labels " + fix.second);
      for (const std::string& name : table->second)
        f_.code[fix.first].details->targets.push_back(label(name));
    }
    f_.decoded = true;
  }

 private:
  struct Register {
    std::uint32_t index;
    std::uint8_t bytes;
  };
  // A pair of braces: names inside hide those outside.
  struct Scope {
    std::unordered_map<std::string, Register> registers;
    std::unordered_map<std::string, Variable> variables;
  };

  // One operand as it is written.
  struct Term {
    Operand value;
    bool is_register = false, negated = false, is_vector = false;
    std::string symbol;  // a label, if nothing else has the name
    std::int64_t offset = 0;
    bool call_parameter = false;
    std::uint32_t second = kNoRegister;  // "%r1|%p1"
    std::vector<Term> parts;
  };

  void decode_statement() {
    if (in_.take("{")) {
      scopes_.emplace_back();
    } else if (in_.take("}")) {
      scopes_.pop_back();
    } else if (in_.take(".reg")) {
      declare_registers();
    } else if (in_.take(".local")) {
      declare(Space::local, f_.local_bytes);
    } else if (in_.take(".shared")) {
      declare(Space::shared, f_.shared_bytes);
    } else if (in_.take(".param")) {
      declare(Space::param, f_.call_bytes);
    } else if (in_.take(".pragma")) {
      in_.skip_to(";");
    } else if (in_.peek(1) == ":") {
      decode_label();
    } else {
      decode_instruction();
    }
  }

  void declare_registers() {
    const Type type = type_named(in_.next().substr(1));
    const auto bytes = static_cast<std::uint8_t>(size_of(type));
    do {
      const std::string name(in_.next());
      if (in_.take("<")) {
        const std::uint64_t n = number_of(in_.next());
        in_.expect(">");
        for (std::uint64_t k = 0; k < n; ++k)
          scopes_.back().registers[name + std::to_string(k)] = {f_.registers++, bytes};
      } else {
        scopes_.back().registers[name] = {f_.registers++, bytes};
      }
    } while (in_.take(","));
    in_.expect(";");
  }

  void declare(Space space, std::uint32_t& used) {
    std::string name;
    Variable v = parse_variable(in_, space, name);
    used = align_up(used, std::max(v.align, 1u));
    v.address = used + (space == Space::param ? 0 : kFirstOffset);
    used += v.size;
    scopes_.back().variables[name] = std::move(v);
  }

  void decode_label() {
    const std::string name(in_.next());
    in_.expect(":");
    if (in_.take(".branchtargets")) {
      std::vector<std::string>& targets = tables_[name];
      do targets.emplace_back(in_.next());
      while (in_.take(","));
      in_.expect(";");
    } else if (in_.peek() == ".callprototype") {
      in_.skip_to(";");
    } else {
      labels_[name] = static_cast<std::uint32_t>(f_.code.size());
    }
  }

  void decode_instruction() {
    const std::size_t from = in_.position();
    Instruction i;
    if (in_.take("@")) {
      i.guard_negated = in_.take("!");
      i.guard = static_cast<std::int32_t>(find_register(in_.next())->index);
    }
    const Opcode opcode(in_.next());
    set_modifiers(opcode, i);
    if (opcode.name == "call") decode_call(i);
    else decode_operands(opcode, i);
    for (auto find : {find_integer, find_floating, find_comparison, find_conversion, find_memory,
                      find_atomic, find_control})
      if (!i.run) i.run = find(opcode, i);
    if (!i.run) throw Error("unknown instruction");
    add(i, statement(from));
  }

  void set_modifiers(const Opcode& opcode, Instruction& i) {
    i.type = opcode.type();
    i.from = opcode.types.size() > 1 ? opcode.types[1] : i.type;
    for (const std::string_view m : opcode.modifiers) {
      if (m == "sat") i.saturate = true;
      if (m == "ftz") i.flush = true;
      if (m == "rn" || m == "rni") i.rounding = Rounding::nearest;
      if (m == "rz" || m == "rzi") i.rounding = Rounding::zero;
      if (m == "rm" || m == "rmi") i.rounding = Rounding::down;
      if (m == "rp" || m == "rpi") i.rounding = Rounding::up;
      if (m == "v2") i.vector = 2;
      if (m == "v4") i.vector = 4;
      if (m == "global") i.space = Space::global;
      if (m.substr(0, 6) == "shared") i.space = Space::shared;
      if (m == "local") i.space = Space::local;
      if (m == "const") i.space = Space::constant;
      if (m.substr(0, 5) == "param") i.space = Space::param;
    }
  }

  // The destination, if there is one, then a, b, c and e in turn.
  void decode_operands(const Opcode& opcode, Instruction& i) {
    std::vector<Term> terms;
    while (!in_.take(";")) {
      if (in_.take(",")) continue;
      terms.push_back(decode_term());
    }
    std::size_t at = 0;
    if (opcode.writes() && !terms.empty()) set_destination(terms[at++], i);
    Operand* const sources[] = {&i.a, &i.b, &i.c, &i.e};
    // bar.red's vote comes last, whether there is a number of threads or not
    const bool vote = (opcode.name == "bar" || opcode.name == "barrier") && opcode.has("red");
    for (std::size_t k = 0; at < terms.size(); ++at, ++k) {
      if (k == 4) throw Error("too many operands");
      set_source(terms[at], opcode, i, vote && at + 1 == terms.size() ? i.c : *sources[k]);
    }
  }

  void set_destination(const Term& term, Instruction& i) {
    if (term.is_vector) {
      for (const Term& part : term.parts) {
        details(i).registers.push_back(part.is_register ? part.value.index : kNoRegister);
        if (part.is_register) i.width = width_of(part.value.index);
      }
      return;
    }
    i.d = term.is_register ? term.value.index : kNoRegister;
    i.d2 = term.second;
    if (term.is_register) i.width = width_of(i.d);
  }

  void set_source(const Term& term, const Opcode& opcode, Instruction& i, Operand& source) {
    i.negated = i.negated || term.negated;
    if (term.is_vector) {
      for (const Term& part : term.parts) details(i).values.push_back(part.value);
    } else if (!term.symbol.empty() && opcode.name == "bra") {
      branches_.emplace_back(f_.code.size(), term.symbol);
    } else if (!term.symbol.empty() && opcode.name == "brx") {
      details(i);
      tables_used_.emplace_back(f_.code.size(), term.symbol);
    } else if (!term.symbol.empty()) {
      throw Error("unknown name " + term.symbol);
    } else {
      source = term.value;
      const bool takes_offset = opcode.name == "mov" || opcode.name == "ld" ||
                                opcode.name == "ldu" || opcode.name == "st" ||
                                opcode.name == "atom" || opcode.name == "red";
      if (term.offset && !takes_offset && opcode.name.substr(0, 8) != "prefetch")
        throw Error("an address where none is expected");
      if (term.offset) i.offset = term.offset;
      i.call_parameter = i.call_parameter || term.call_parameter;
    }
  }

  Term decode_term() {
    Term term;
    if (in_.take("{")) {
      term.is_vector = true;
      while (!in_.take("}")) {
        if (in_.take(",")) continue;
        term.parts.push_back(decode_term());
      }
      return term;
    }
    if (in_.take("[")) {
      term = decode_term();
      while (!in_.take("]")) term.offset += decode_offset();
      return term;
    }
    term.negated = in_.take("!");
    const bool minus = in_.take("-");
    const std::string_view word = in_.next();
    if (word == "_") return term;
    if (const Register* r = find_register(word)) {
      term.is_register = true;
      term.value = {Bank::registers, r->index};
      if (in_.take("|")) {
        const std::string_view second = in_.next();
        if (second != "_") term.second = find_register(second)->index;
      }
    } else if (is_number(word)) {
      term.value = constant(minus ? -number_of(word) : number_of(word));
    } else if (word == "WARP_SZ") {
      term.value = constant(32);
    } else if (special_registers().count(word)) {
      term.value = special_registers().at(word);
    } else {
      decode_symbol(std::string(word), term);
      while (in_.peek() == "+" || in_.peek() == "-") term.offset += decode_offset();
    }
    return term;
  }

  std::int64_t decode_offset() {
    bool minus = false;
    while (in_.peek() == "+" || in_.peek() == "-") minus = (in_.next() == "-") != minus;
    const auto offset = static_cast<std::int64_t>(number_of(in_.next()));
    return minus ? -offset : offset;
  }

  void decode_symbol(const std::string& name, Term& term) {
    if (const Variable* v = find_variable(name)) {
      if (v->space == Space::local) {
        term.value = {Bank::frame, 0};
        term.offset = static_cast<std::int64_t>(v->address - kFirstOffset);
      } else if (v->space == Space::shared && v->external) {
        // Behind all static shared memory, of which the end is not known yet.
        term.value = constant(0);
        dynamic_shared_.push_back(term.value.index);
      } else {
        term.value = constant(v->address | (v->space == Space::param ? kParamWindow : 0));
        term.call_parameter = v->space == Space::param;
      }
      return;
    }
    for (const auto* parameters : {&f_.parameters, &f_.results})
      for (const Parameter& p : *parameters)
        if (p.name == name) {
          term.value = constant(p.offset | kParamWindow);
          return;
        }
    term.symbol = name;
  }

  // call (result), function, (arguments); everything but the function may be missing.
  void decode_call(Instruction& i) {
    CallSite& site = details(i).call;
    std::vector<std::string> results, arguments;
    if (in_.peek() == "(") {
      results = decode_names();
      in_.expect(",");
    }
    const std::string name(in_.next());
    if (in_.take(",")) arguments = decode_names();
    in_.skip_to(";");
    if (name == "__assertfail" || name == "vprintf") {
      i.mode = name == "vprintf" ? kCallPrint : kCallAssert;
      return;
    }
    site.callee = module_.find(name);
    if (!site.callee) throw Error("calls " + name + ", which the PTX does not have");
    if (arguments.size() != site.callee->parameters.size() ||
        results.size() != site.callee->results.size())
      throw Error("calls " + name + " with other parameters than it has");
    for (std::size_t k = 0; k < arguments.size(); ++k) {
      const Parameter& p = site.callee->parameters[k];
      site.arguments.push_back({call_offset(arguments[k]), p.offset, p.size});
    }
    for (std::size_t k = 0; k < results.size(); ++k) {
      const Parameter& p = site.callee->results[k];
      site.results.push_back({p.offset, call_offset(results[k]), p.size});
    }
  }

  std::vector<std::string> decode_names() {
    std::vector<std::string> names;
    in_.expect("(");
    while (!in_.take(")"))
      if (!in_.take(",")) names.emplace_back(in_.next());
    return names;
  }

  std::uint32_t call_offset(const std::string& name) {
    const Variable* v = find_variable(name);
    if (!v || v->space != Space::param) throw Error("passes " + name + ", which is no .param");
    return static_cast<std::uint32_t>(v->address);
  }

  const Register* find_register(std::string_view name) {
    const std::string key(name);
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
      const auto found = scope->registers.find(key);
      if (found != scope->registers.end()) {
        widths_[found->second.index] = found->second.bytes;
        return &found->second;
      }
    }
    return nullptr;
  }
  std::uint8_t width_of(std::uint32_t reg) { return widths_[reg]; }

  const Variable* find_variable(const std::string& name) {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
      const auto found = scope->variables.find(name);
      if (found != scope->variables.end()) return &found->second;
    }
    const auto found = module_.variables.find(name);
    return found == module_.variables.end() ? nullptr : &found->second;
  }

  Operand constant(std::uint64_t value) {
    f_.constants.push_back(value);
    return {Bank::constants, static_cast<std::uint32_t>(f_.constants.size() - 1)};
  }

  std::uint32_t label(const std::string& name) {
    const auto found = labels_.find(name);
    if (found == labels_.end()) throw Error("ptx: no label " + name + " in " + f_.name);
    return found->second;
  }

  Details& details(Instruction& i) {
    if (!i.details) i.details = &f_.details.emplace_back();
    return *i.details;
  }

  std::string statement(std::size_t from) {
    return "PTX line " + std::to_string(module_.tokens[from].line) + " `" +
           in_.text(from, std::max(in_.position(), from + 1)) + "`";
  }

  void add(Instruction& i, std::string text) {
    i.function = &f_;
    f_.code.push_back(i);
    f_.text.push_back(std::move(text));
  }

 public:
  // Dynamic shared memory starts where the static memory ends.
  void place_dynamic_shared() {
    for (const std::uint32_t index : dynamic_shared_)
      f_.constants[index] = kFirstOffset + align_up(f_.shared_bytes, 16);
  }

 private:
  Function& f_;
  Module& module_;
  Reader in_;
  std::vector<Scope> scopes_;
  std::map<std::uint32_t, std::uint8_t> widths_;
  std::unordered_map<std::string, std::uint32_t> labels_;
  std::unordered_map<std::string, std::vector<std::string>> tables_;
  std::vector<std::pair<std::size_t, std::string>> branches_, tables_used_;
  std::vector<std::uint32_t> dynamic_shared_;
};

}  // namespace

Opcode::Opcode(std::string_view text) {
  std::size_t begin = 0;
  for (bool first = true;; first = false) {
    const std::size_t end = std::min(text.find('.', begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    if (first) name = word;
    else if (type_named(word) != Type::none) types.push_back(type_named(word));
    else modifiers.push_back(word);
    if (end == text.size()) return;
    begin = end + 1;
  }
}

bool Opcode::has(std::string_view modifier) const {
  return std::find(modifiers.begin(), modifiers.end(), modifier) != modifiers.end();
}

bool Opcode::writes() const {
  for (const char* other : {"st", "red", "bra", "brx", "ret", "exit", "trap", "membar", "fence",
                            "nanosleep", "prefetch", "prefetchu", "discard", "applypriority"})
    if (name == other) return false;
  return (name != "bar" && name != "barrier") || has("red");
}

void decode(Function& function) {
  Decoder decoder(function);
  decoder.decode();
  decoder.place_dynamic_shared();
}

}  // namespace cuda_emulation::ptx
