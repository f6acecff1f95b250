// Loads and stores.
#include "ptx/block.h"
#include "ptx/handlers.h"

namespace cuda_emulation::ptx {
namespace {

std::uint64_t address(const Thread& t, const Instruction& i) {
  return t.read<std::uint64_t>(i.a) + static_cast<std::uint64_t>(i.offset);
}

// A signed number fills the whole register.
template <class T>
void put(Thread& t, const Instruction& i, std::uint32_t reg, T v) {
  if (reg == kNoRegister) return;
  if constexpr (std::is_signed_v<T>) {
    if (i.width == 8) return t.write<std::int64_t>(reg, v);
    if (i.width == 4) return t.write<std::int32_t>(reg, v);
    if (i.width == 2) return t.write<std::int16_t>(reg, v);
  }
  t.write(reg, v);
}

template <class T>
T value_at(const std::uint8_t* bytes) {
  T v;
  std::memcpy(&v, bytes, sizeof v);
  return v;
}

template <class T>
struct Load {
  static void run(Thread& t, const Instruction& i) {
    const std::uint8_t* bytes =
        t.block().memory(t, i, i.space, address(t, i), sizeof(T), Access::read);
    put(t, i, i.d, value_at<T>(bytes));
  }
};
template <class T>
struct LoadVector {
  static void run(Thread& t, const Instruction& i) {
    const std::uint8_t* bytes =
        t.block().memory(t, i, i.space, address(t, i), sizeof(T) * i.vector, Access::read);
    for (unsigned k = 0; k < i.vector; ++k)
      put(t, i, i.details->registers[k], value_at<T>(bytes + k * sizeof(T)));
  }
};
template <class T>
struct Store {
  static void run(Thread& t, const Instruction& i) {
    std::uint8_t* bytes = t.block().memory(t, i, i.space, address(t, i), sizeof(T), Access::write);
    const T v = t.read<T>(i.b);
    std::memcpy(bytes, &v, sizeof v);
  }
};
template <class T>
struct StoreVector {
  static void run(Thread& t, const Instruction& i) {
    std::uint8_t* bytes =
        t.block().memory(t, i, i.space, address(t, i), sizeof(T) * i.vector, Access::write);
    for (unsigned k = 0; k < i.vector; ++k) {
      const T v = t.read<T>(i.details->values[k]);
      std::memcpy(bytes + k * sizeof(T), &v, sizeof v);
    }
  }
};

Type bits_of(Type type) {
  switch (size_of(type)) {
    case 1:
      return Type::u8;
    case 2:
      return Type::u16;
    case 4:
      return Type::u32;
    case 8:
      return Type::u64;
    default:
      return Type::none;
  }
}

}  // namespace

Handler find_memory(const Opcode& opcode, Instruction& i) {
  const bool load = opcode.name == "ld" || opcode.name == "ldu";
  if (!load && opcode.name != "st") return nullptr;
  for (const char* order : {"volatile", "relaxed", "acquire", "release"})
    if (opcode.has(order)) i.volatile_ = true;
  if (load && is_signed(i.type))
    return i.vector > 1
               ? pick<LoadVector, std::int8_t, std::int16_t, std::int32_t, std::int64_t>(i.type)
               : pick<Load, std::int8_t, std::int16_t, std::int32_t, std::int64_t>(i.type);
  const Type type = bits_of(i.type);
  if (load)
    return i.vector > 1
               ? pick<LoadVector, std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>(type)
               : pick<Load, std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>(type);
  return i.vector > 1
             ? pick<StoreVector, std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>(type)
             : pick<Store, std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>(type);
}

}  // namespace cuda_emulation::ptx
