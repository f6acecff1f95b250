// Philox4x32-10 (base/rng.h), kLanes blocks at a time.

struct PhiloxBlocks {
  IVec keys[10][2];
  IVec high, step_low, step_high, lanes;

  explicit PhiloxBlocks(const RandomCall& call) {
    std::uint32_t k0 = call.key[0], k1 = call.key[1];
    for (auto& key : keys) {
      key[0] = iset1(static_cast<int>(k0));
      key[1] = iset1(static_cast<int>(k1));
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    step_low = iset1(static_cast<int>(call.step[0]));
    step_high = iset1(static_cast<int>(call.step[1]));
    // Lanes take the blocks in the order that transpose4() turns into the order of memory.
    int order[kLanes];
    for (int i = 0; i < kLanes; ++i) order[i] = i % 4 * (kLanes / 4) + i / 4;
    lanes = iload(order);
  }

  // The 4 kLanes uniforms of the blocks from `block` on, in order. kLanes divides `block`.
  HORNET_MEMBER void uniforms(std::uint64_t block, Vec (&u)[4]) const {
    IVec c0 = iadd(iset1(static_cast<int>(static_cast<std::uint32_t>(block))), lanes);
    IVec c1 = iset1(static_cast<int>(static_cast<std::uint32_t>(block >> 32)));
    IVec c2 = step_low, c3 = step_high;
    const IVec m0 = iset1(static_cast<int>(0xD2511F53u)), m1 = iset1(static_cast<int>(0xCD9E8D57u));
    for (const auto& key : keys) {
      IVec low0, high0, low1, high1;
      mul_wide(c0, m0, &low0, &high0);
      mul_wide(c2, m1, &low1, &high1);
      c0 = ixor(ixor(high1, c1), key[0]);
      c1 = low1;
      c2 = ixor(ixor(high0, c3), key[1]);
      c3 = low0;
    }
    transpose4(&c0, &c1, &c2, &c3);
    const Vec unit = set1(1.0f / 16777216.0f);
    u[0] = mul(to_float(shift_right<8>(c0)), unit);
    u[1] = mul(to_float(shift_right<8>(c1)), unit);
    u[2] = mul(to_float(shift_right<8>(c2)), unit);
    u[3] = mul(to_float(shift_right<8>(c3)), unit);
  }
};

constexpr Dim kDrawn = 4 * kLanes;  // elements of one draw

void random_uniform(const RandomCall& call, Dim begin, Dim end) {
  const PhiloxBlocks blocks(call);
  for (Dim i = begin; i < end; i += kDrawn) {
    Vec u[4];
    blocks.uniforms(static_cast<std::uint64_t>(i) / 4, u);
    for (int v = 0; v < 4; ++v) {
      const Dim at = i + v * kLanes;
      if (at < end) store_n(call.y + at, u[v], static_cast<int>(std::min<Dim>(kLanes, end - at)));
    }
  }
}

void dropout(const RandomCall& call, Dim begin, Dim end) {
  const PhiloxBlocks blocks(call);
  const Vec rate = set1(call.rate), scale = set1(call.scale);
  for (Dim i = begin; i < end; i += kDrawn) {
    Vec u[4];
    blocks.uniforms(static_cast<std::uint64_t>(i) / 4, u);
    for (int v = 0; v < 4; ++v) {
      const Dim at = i + v * kLanes;
      if (at >= end) break;
      const int lanes = static_cast<int>(std::min<Dim>(kLanes, end - at));
      const Vec x = mul(load_n(call.x + at, lanes), scale);
      store_n(call.y + at, keep(less_equal(rate, u[v]), x), lanes);
    }
  }
}

const RandomTable random_table = {random_uniform, dropout};
