// Passes, plans and runs against naive evaluation, on random graphs and on the hard cases.
#include <set>
#include <thread>

#include "check.h"
#include "exec/schedule.h"
#include "random_graphs.h"

using namespace hornet;
using namespace hornet::testing;

namespace {

// --- what a plan does to memory, replayed -----------------------------------------------------

// Follows who owns each 64-byte piece of the arena. Every input must still be whole when it is
// read, every fetch at the end; an output may lie on an input only if it is read in step.
bool memory_is_sound(const Plan& plan, const Program& program) {
  const Graph& graph = program.graph;
  const Value nobody;
  std::vector<Value> owner(plan.arena_bytes / 64 + 1, nobody);
  std::set<Value> saved;
  const auto owns = [&](const Place& place, std::size_t bytes, Value who) {
    for (std::size_t at = place.index / 64; at < (place.index + bytes + 63) / 64; ++at)
      if (!(owner[at] == who)) return false;
    return true;
  };
  const auto take = [&](const Place& place, std::size_t bytes, Value who) {
    for (std::size_t at = place.index / 64; at < (place.index + bytes + 63) / 64; ++at)
      owner[at] = who;
  };
  const auto overlap = [](std::size_t a, std::size_t a_bytes, std::size_t b, std::size_t b_bytes) {
    return a < b + b_bytes && b < a + a_bytes;
  };
  const auto bytes_of = [](const TensorSpec& spec) { return Tensor{nullptr, spec}.bytes(); };
  bool sound = true;
  for (const PlanStep& step : plan.steps) {
    if (step.node < 0) {  // a copy of an old value: of a variable, which moves nowhere
      for (std::size_t o = 0; o < step.outputs.size(); ++o)
        if (step.outputs[o].kind == Place::arena)
          take(step.outputs[o], bytes_of(step.output_specs[o]), {-2, 0});
      continue;
    }
    const Node& node = graph.node(step.node);
    for (std::size_t i = 0; i < step.inputs.size(); ++i)
      if (step.inputs[i].kind == Place::arena)
        sound &= owns(step.inputs[i], bytes_of(step.input_specs[i]),
                      storage_root(graph, node.inputs[i]));
    std::vector<std::pair<std::size_t, std::size_t>> own;
    if (step.workspace_bytes > 0) own.push_back({step.workspace, step.workspace_bytes});
    for (std::size_t o = 0; o < step.outputs.size(); ++o)
      if (step.outputs[o].kind == Place::arena)
        own.push_back({step.outputs[o].index, bytes_of(step.output_specs[o])});
    for (std::size_t a = 0; a < own.size(); ++a) {
      for (std::size_t b = a + 1; b < own.size(); ++b)
        sound &= !overlap(own[a].first, own[a].second, own[b].first, own[b].second);
      for (std::size_t i = 0; i < step.inputs.size(); ++i) {
        if (step.inputs[i].kind != Place::arena) continue;
        const std::size_t bytes = bytes_of(step.input_specs[i]);
        if (!overlap(own[a].first, own[a].second, step.inputs[i].index, bytes)) continue;
        sound &= own[a].first == step.inputs[i].index && own[a].second == bytes &&
                 reads_in_step(node, static_cast<int>(i));
      }
    }
    if (step.workspace_bytes > 0)
      take({Place::arena, step.workspace}, step.workspace_bytes, nobody);
    for (std::size_t o = 0; o < step.outputs.size(); ++o)
      if (step.outputs[o].kind == Place::arena)
        take(step.outputs[o], bytes_of(step.output_specs[o]), {step.node, static_cast<int>(o)});
  }
  for (std::size_t i = 0; i < plan.fetches.size(); ++i) {
    if (plan.fetches[i].kind != Place::arena) continue;
    const Value root = storage_root(graph, program.targets.fetches[i]);
    const bool old = graph.node(root).op->name == "variable";
    sound &= owns(plan.fetches[i], bytes_of(plan.fetch_specs[i]), old ? Value{-2, 0} : root);
  }
  return sound;
}

// No variable is written before the state block, and none is read there after it was written,
// but by the step that writes it.
bool state_comes_last(const Plan& plan) {
  std::set<std::size_t> written;
  for (std::size_t at = 0; at < plan.steps.size(); ++at) {
    for (const Place& place : plan.steps[at].inputs)
      if (place.kind == Place::variable && written.count(place.index)) return false;
    for (const Place& place : plan.steps[at].outputs) {
      if (place.kind != Place::variable) continue;
      if (at < plan.first_state) return false;
      written.insert(place.index);
    }
  }
  return true;
}

// --- expectations by naive evaluation ---------------------------------------------------------

struct Expected {
  std::vector<Doubles> fetches;
  std::map<int, Doubles> variables;
};

Expected expected_of(const RandomProgram& p) {
  Naive naive(p.graph, p.world, p.batch);
  Expected expected;
  for (Value v : p.targets.fetches) expected.fetches.push_back(naive(v));
  expected.variables = p.world.variables;
  for (Value update : p.targets.updates) {
    const Node& node = p.graph.node(update);
    const int id = static_cast<int>(p.graph.node(node.inputs[0]).attrs.integer("id"));
    if (node.op->name == "assign") expected.variables[id] = naive(update);
    else expected.variables[id][2] += 1;
  }
  return expected;
}

void compare(const RandomProgram& p, const Expected& expected, const Program& program,
             const PlanOptions& options, double tolerance, const char* what, unsigned seed) {
  store(*p.variables, p.world);
  Plan plan = make_plan(program, options);
  bool ok = CHECK(memory_is_sound(plan, program));
  ok &= CHECK(state_comes_last(plan));
  HostExecutable executable(std::move(plan), p.variables);
  const auto results = run(executable, p.world);
  double worst = 0;
  for (std::size_t i = 0; i < results.size(); ++i)
    worst = std::max(worst, distance(results[i], expected.fetches[i]));
  for (const auto& v : expected.variables)
    worst = std::max(worst, distance(read_variable(*p.variables, v.first), v.second) *
                                (options.f64 ? tolerance / 1e-6 : 1));  // stored as floats
  ok &= CHECK(worst <= tolerance);
  if (!ok) std::printf("  seed %u, %s: off by %g\n", seed, what, worst);
}

void random_programs(unsigned seeds, int nodes) {
  for (unsigned seed = 1; seed <= seeds; ++seed) {
    RandomGraphs graphs(seed);
    RandomProgram p = graphs.make(nodes + static_cast<int>(seed % 50));
    const Expected expected = expected_of(p);
    const Program raw{p.graph, p.targets, {}};
    const Program plain = simplify(p.graph, p.targets), fused = fuse(plain);
    Program raw_with_feeds = raw;
    raw_with_feeds.feeds = plain.feeds;
    PlanOptions doubles;
    doubles.batch = p.batch;
    doubles.f64 = true;
    compare(p, expected, plain, doubles, 1e-9, "simplified", seed);
    compare(p, expected, fused, doubles, 1e-9, "fused", seed);
    PlanOptions singles;
    singles.batch = p.batch;
    compare(p, expected, fused, singles, 2e-3, "fused, single precision", seed);
    singles.reference_only = true;
    compare(p, expected, plain, singles, 2e-3, "simplified, single precision", seed);
  }
}

// --- the hard cases of the state block ----------------------------------------------------------

struct Setup {
  Graph graph;
  Builder b{graph};
  std::shared_ptr<Variables> variables = std::make_shared<Variables>();
  World world;
  Targets targets;

  Value variable(Doubles values) {
    const Shape shape{static_cast<Dim>(values.size())};
    const int id = variables->add("v", f32(shape));
    world.variables[id] = std::move(values);
    return graph.variable(id, f32(shape));
  }
  std::vector<Doubles> run_once(const std::atomic<bool>* stop = nullptr) {
    store(*variables, world);
    Function function(graph, targets, variables);
    return testing::run(*function.executable(for_batch(1)), world, stop);
  }
  Doubles now(Value v) {
    return read_variable(*variables, static_cast<int>(graph.node(v).attrs.integer("id")));
  }
};

void state_cases() {
  test("two variables swap", [] {
    Setup s;
    const Value a = s.variable({1, 2}), c = s.variable({3, 4});
    s.targets.updates = {s.b.assign(a, c), s.b.assign(c, a)};
    s.run_once();
    CHECK((s.now(a) == Doubles{3, 4} && s.now(c) == Doubles{1, 2}));
  });
  test("three variables change in a circle of computed values", [] {
    Setup s;
    const Value a = s.variable({1}), c = s.variable({2}), d = s.variable({3});
    const Value one = s.b.scalar(1);
    s.targets.updates = {s.b.assign(a, s.b.add(c, one)), s.b.assign(c, s.b.add(d, one)),
                         s.b.assign(d, s.b.add(a, one))};
    s.run_once();
    CHECK((s.now(a) == Doubles{3} && s.now(c) == Doubles{4} && s.now(d) == Doubles{2}));
  });
  test("a fetched variable shows its value from before the run", [] {
    Setup s;
    const Value a = s.variable({1, 2});
    s.targets.fetches = {a, s.b.reshape(a, {2, 1})};
    s.targets.updates = {s.b.assign(a, s.b.neg(a))};
    const auto fetched = s.run_once();
    CHECK((fetched[0] == Doubles{1, 2} && fetched[1] == Doubles{1, 2}));
    CHECK((s.now(a) == Doubles{-1, -2}));
  });
  test("an update's result is the new value, for readers and fetches", [] {
    Setup s;
    const Value a = s.variable({1, 2});
    const Value updated = s.b.assign(a, s.b.add(a, s.b.scalar(1)));
    s.targets.fetches = {updated, s.b.mul(updated, s.b.scalar(10))};
    s.targets.updates = {updated};
    const auto fetched = s.run_once();
    CHECK((fetched[0] == Doubles{2, 3} && fetched[1] == Doubles{20, 30}));
    CHECK((s.now(a) == Doubles{2, 3}));
  });
  test("of two assignments the last one counts", [] {
    Setup s;
    const Value a = s.variable({1});
    s.targets.updates = {s.b.assign(a, s.b.scalar(5)), s.b.assign(a, s.b.add(a, s.b.scalar(1)))};
    s.run_once();
    CHECK((s.now(a) == Doubles{2}));
  });
  test("one value goes into two variables", [] {
    Setup s;
    const Value a = s.variable({1}), c = s.variable({7});
    const Value sum = s.b.add(a, c);
    s.targets.updates = {s.b.assign(a, sum), s.b.assign(c, sum)};
    s.run_once();
    CHECK((s.now(a) == Doubles{8} && s.now(c) == Doubles{8}));
  });
  test("a variable repeated over itself is not written in place", [] {
    Setup s;
    const Value a = s.variable({1, 2, 3});
    const Value total = s.b.broadcast(s.b.slice(a, 0, 2, 1), {3});
    s.targets.updates = {s.b.assign(a, s.b.add(a, total))};
    s.run_once();
    CHECK((s.now(a) == Doubles{4, 5, 6}));
  });
  test("an optimizer's update is one step, in place", [] {
    Setup s;
    const Value w = s.variable(Doubles(100, 1)), m = s.variable(Doubles(100, 0)),
                v = s.variable(Doubles(100, 0)), g = s.variable(Doubles(100, 0.5));
    const Value rate = s.variable({0.1});
    const Value grad = s.b.mul(g, s.b.scalar(2));
    const Value m_new = s.b.add(s.b.mul(m, s.b.scalar(0.9)), s.b.mul(grad, s.b.scalar(0.1)));
    const Value v_new =
        s.b.add(s.b.mul(v, s.b.scalar(0.99)), s.b.mul(s.b.square(grad), s.b.scalar(0.01)));
    const Value w_new =
        s.b.sub(w, s.b.div(s.b.mul(rate, m_new), s.b.add(s.b.sqrt(v_new), s.b.scalar(1e-7))));
    s.targets.updates = {s.b.assign(m, m_new), s.b.assign(v, v_new), s.b.assign(w, w_new)};
    Function function(s.graph, s.targets, s.variables);
    const Plan& plan = function.executable(for_batch(1))->plan();
    CHECK(plan.steps.size() == 1);
    CHECK(plan.first_state == 0);
    s.run_once();
    CHECK(std::abs(s.now(m)[99] - 0.1) < 1e-6);
    CHECK(std::abs(s.now(v)[0] - 0.01) < 1e-6);
    CHECK(std::abs(s.now(w)[50] - 0.9) < 1e-5);
  });
  test("the random state advances after everybody has drawn", [] {
    Setup s;
    const int id = s.variables->add("rng", {DType::i32, {4}});
    s.world.variables[id] = {1, 2, 41, 0};
    const Value rng = s.graph.variable(id, {DType::i32, {4}});
    const Value noise = s.variable({0, 0, 0});
    const Value drawn = s.b.random_uniform(rng, {3}, 5);
    s.targets.fetches = {s.b.neg(drawn)};
    s.targets.updates = {s.b.rng_advance(rng), s.b.assign(noise, drawn)};
    const auto fetched = s.run_once();
    CHECK((read_variable(*s.variables, id) == Doubles{1, 2, 42, 0}));
    CHECK(s.now(noise)[1] == -fetched[0][1]);
    CHECK(s.now(noise)[1] != 0);
  });
}

void stopping() {
  test("a run that is stopped before it starts changes nothing", [] {
    Setup s;
    const Value a = s.variable({1, 2});
    s.targets.updates = {s.b.assign(a, s.b.neg(a))};
    const std::atomic<bool> stop{true};
    bool stopped = false;
    try {
      s.run_once(&stop);
    } catch (const RunStopped&) { stopped = true; }
    CHECK(stopped);
    CHECK((s.now(a) == Doubles{1, 2}));
  });
  test("a run that is stopped half-way is applied wholly or not at all", [] {
    Setup s;
    std::vector<Value> counters;
    for (int i = 0; i < 20; ++i) counters.push_back(s.variable(Doubles(64, 0)));
    Value busy = s.b.scalar(0);
    const Value x = s.variable(Doubles(64, 0.5));
    for (int i = 0; i < 30; ++i) {
      const Value wide = s.b.softmax(s.b.add(x, busy));
      busy = s.b.sum(wide, {});
    }
    s.targets.fetches = {busy};
    for (Value c : counters) s.targets.updates.push_back(s.b.assign(c, s.b.add(c, s.b.scalar(1))));
    store(*s.variables, s.world);
    Function function(s.graph, s.targets, s.variables);
    const auto executable = function.executable(for_batch(1));
    std::atomic<bool> stop{false}, over{false};
    std::thread other([&] {
      while (!over) stop = !stop;
    });
    int finished = 0, cut = 0;
    for (int i = 0; i < 3000; ++i) {
      try {
        testing::run(*executable, s.world, &stop);
        ++finished;
      } catch (const RunStopped&) { ++cut; }
      if (i % 100 == 0) {
        bool equal = true;
        for (Value c : counters) equal &= s.now(c) == Doubles(64, finished);
        CHECK(equal);
      }
    }
    over = true;
    other.join();
    for (Value c : counters) CHECK(s.now(c) == Doubles(64, finished));
    std::printf("  %d runs finished, %d were cut\n", finished, cut);
  });
}

void memory() {
  test("executables of one model share its arena, and survive its growth", [] {
    Setup s;
    const Value a = s.variable({1, 2, 3});
    const Value x = s.graph.input(0, f32({-1, 3}));
    s.targets.fetches = {s.b.softmax(s.b.softmax(s.b.mul(x, a)))};
    store(*s.variables, s.world);
    Function function(s.graph, s.targets, s.variables);
    const auto small = function.executable(for_batch(1)),
               large = function.executable(for_batch(100000));
    World one, many;
    one.feeds = {{0.1, 0.2, 0.3}};
    many.feeds = {Doubles(300000, 0.5)};
    const auto before = run(*small, one);
    const auto middle = run(*large, many);
    const auto after = run(*small, one);
    CHECK(before == after);
    CHECK(middle[0].size() == 300000);
    CHECK(function.executable(for_batch(1)) == small);
  });
  test("impossible sizes are an error that names them", [] {
    CHECK_THROWS(AlignedBuffer(SIZE_MAX / 4 * 3), "bytes of memory");
    CHECK_THROWS(AlignedBuffer(std::size_t{1} << 60), "bytes of memory");
  });
  test("feeds of the wrong shape are refused", [] {
    Setup s;
    const Value x = s.graph.input(0, f32({-1, 3})), y = s.graph.input(1, f32({-1, 2}));
    s.targets.fetches = {s.b.sum(x, {}), s.b.sum(y, {})};
    Function function(s.graph, s.targets, s.variables);
    float data[12] = {};
    const Tensor six{data, f32({2, 3})}, four{data, f32({2, 2})}, rows{data, f32({3, 2})};
    CHECK(function.batch_of({six, four}) == 2);
    CHECK_THROWS(function.batch_of({six, rows}), "input 2: expected shape (None, 2)");
    CHECK_THROWS(function.batch_of({six}), "expected 2 inputs, got 1");
    CHECK_THROWS(function.executable(for_batch(2))->run({six, rows}, nullptr),
                 "input 2: expected float32 (2, 2)");
  });
}

}  // namespace

int main() {
  test("random programs compute what naive evaluation computes", [] { random_programs(300, 60); });
  test("large random programs too", [] { random_programs(20, 400); });
  state_cases();
  stopping();
  memory();
  return check_result();
}
