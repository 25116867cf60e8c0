// Compiled several times: TX_KERNELS is the name of the function that gives them, TX_LANES the floats of a vector.
#include "kernels.h"

#include <cmath>
#include <cstring>
#include <limits>

namespace {

constexpr int64_t LANES = TX_LANES;
// Query rows that are computed together, so that a row of keys or values is loaded once for all of them.
constexpr int64_t ROWS = 4;

typedef float floats __attribute__((vector_size(LANES * 4)));
typedef int32_t ints __attribute__((vector_size(LANES * 4)));
typedef uint8_t small __attribute__((vector_size(LANES)));

inline floats load(const float *from) {
  floats values;
  std::memcpy(&values, from, sizeof values);
  return values;
}

inline void store(float *to, floats values) { std::memcpy(to, &values, sizeof values); }

inline floats all(float value) { return value - floats{}; }

inline floats larger(floats a, floats b) { return a > b ? a : b; }

inline floats smaller(floats a, floats b) { return a < b ? a : b; }

// Half with half, until one is left.
template <typename Combine> inline float reduce(floats values, Combine combine) {
  float lanes[LANES];
  store(lanes, values);
  for (int64_t half = LANES / 2; half > 0; half /= 2) {
    for (int64_t lane = 0; lane < half; ++lane) {
      lanes[lane] = combine(lanes[lane], lanes[lane + half]);
    }
  }
  return lanes[0];
}

inline float greatest(floats values) {
  return reduce(values, [](float a, float b) { return a > b ? a : b; });
}

inline float least(floats values) {
  return reduce(values, [](float a, float b) { return a < b ? a : b; });
}

inline float total(floats values) {
  return reduce(values, [](float a, float b) { return a + b; });
}

inline int64_t round_up(int64_t number, int64_t to) { return (number + to - 1) / to * to; }

// e^x for x <= 0, within 2 units in the last place; 0 below -87. x = n ln 2 + r with |r| <= ln 2 / 2, and e^r by its Taylor
// polynomial of degree 7, whose rest is below 2^-27 there.
inline floats exponential(floats x) {
  const floats clamped = larger(x, all(-87.0f));
  // Adding 1.5 * 2^23 rounds to the nearest integer, which then stands in the low bits.
  const floats shifted = clamped * 1.44269504088896341f + 12582912.0f;
  const floats n = shifted - 12582912.0f;
  // ln 2 in two parts, so that n times the first is exact.
  const floats r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
  floats p = r * (1.0f / 5040.0f) + (1.0f / 720.0f);
  p = p * r + (1.0f / 120.0f);
  p = p * r + (1.0f / 24.0f);
  p = p * r + (1.0f / 6.0f);
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  ints bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  // The low bits of `shifted` are n; those of p's exponent take it on.
  ints power;
  std::memcpy(&power, &p, sizeof power);
  power += (bits - 0x4b400000) << 23;
  floats result;
  std::memcpy(&result, &power, sizeof result);
  return x < -87.0f ? floats{} : result;
}

int64_t attention_scratch(int64_t tokens, int64_t width) {
  const int64_t padded = round_up(tokens, LANES);
  const int64_t wide = round_up(width, LANES);
  return width * padded + tokens * wide + ROWS * (width + padded);
}

// Scores of ROWS queries against VECTORS * LANES keys from `at` on.
template <int64_t VECTORS>
inline void scores_of(const float *queries, const float *keys, int64_t width, int64_t padded, int64_t at, float *scores) {
  floats found[ROWS][VECTORS] = {};
  for (int64_t place = 0; place < width; ++place) {
    floats key[VECTORS];
    for (int64_t vector = 0; vector < VECTORS; ++vector) {
      key[vector] = load(keys + place * padded + at + vector * LANES);
    }
    for (int64_t row = 0; row < ROWS; ++row) {
      const float query = queries[row * width + place];
      for (int64_t vector = 0; vector < VECTORS; ++vector) {
        found[row][vector] += query * key[vector];
      }
    }
  }
  for (int64_t row = 0; row < ROWS; ++row) {
    for (int64_t vector = 0; vector < VECTORS; ++vector) {
      store(scores + row * padded + at + vector * LANES, found[row][vector]);
    }
  }
}

// What ROWS queries give to each token, not yet divided by their sums. Places past the last token become 0.
inline void weights_of(const float *queries, const float *keys, int64_t width, int64_t tokens, int64_t padded, float *weights,
                       float *sums) {
  int64_t at = 0;
  for (; at + 2 * LANES <= padded; at += 2 * LANES) {
    scores_of<2>(queries, keys, width, padded, at, weights);
  }
  if (at < padded) {
    scores_of<1>(queries, keys, width, padded, at, weights);
  }
  for (int64_t row = 0; row < ROWS; ++row) {
    float *mine = weights + row * padded;
    for (int64_t past = tokens; past < padded; ++past) {
      mine[past] = -std::numeric_limits<float>::infinity();
    }
    floats most = load(mine);
    for (int64_t from = LANES; from < padded; from += LANES) {
      most = larger(most, load(mine + from));
    }
    const float maximum = greatest(most);
    floats sum = {};
    for (int64_t from = 0; from < padded; from += LANES) {
      const floats weight = exponential(load(mine + from) - maximum);
      store(mine + from, weight);
      sum += weight;
    }
    sums[row] = total(sum);
  }
}

void attention(const tx::attention_task &task) {
  const auto [query, key, value, context, tokens, width, stride, context_stride, scale, scratch] = task;
  const int64_t padded = round_up(tokens, LANES);
  const int64_t wide = round_up(width, LANES);
  float *keys = scratch;                   // [width][padded]: a key is a column
  float *values = keys + width * padded;   // [tokens][wide]
  float *queries = values + tokens * wide; // [ROWS][width], scaled
  float *weights = queries + ROWS * width; // [ROWS][padded]
  for (int64_t token = 0; token < tokens; ++token) {
    for (int64_t place = 0; place < width; ++place) {
      keys[place * padded + token] = key[token * stride + place];
    }
    std::memcpy(values + token * wide, value + token * stride, width * sizeof(float));
    std::memset(values + token * wide + width, 0, (wide - width) * sizeof(float));
  }
  for (int64_t place = 0; place < width; ++place) {
    std::memset(keys + place * padded + tokens, 0, (padded - tokens) * sizeof(float));
  }
  for (int64_t first = 0; first < tokens; first += ROWS) {
    const int64_t rows = tokens - first < ROWS ? tokens - first : ROWS;
    for (int64_t row = 0; row < ROWS; ++row) {
      // Past the last row the last one again: computed for nothing, and not stored.
      const float *mine = query + (first + (row < rows ? row : rows - 1)) * stride;
      for (int64_t place = 0; place < width; ++place) {
        queries[row * width + place] = mine[place] * scale;
      }
    }
    float sums[ROWS];
    weights_of(queries, keys, width, tokens, padded, weights, sums);
    for (int64_t at = 0; at < wide; at += LANES) {
      floats found[ROWS] = {};
      for (int64_t token = 0; token < tokens; ++token) {
        const floats here = load(values + token * wide + at);
        for (int64_t row = 0; row < ROWS; ++row) {
          found[row] += weights[row * padded + token] * here;
        }
      }
      const int64_t count = width - at < LANES ? width - at : LANES;
      for (int64_t row = 0; row < rows; ++row) {
        const floats mean = found[row] * (1.0f / sums[row]);
        std::memcpy(context + (first + row) * context_stride + at, &mean, count * sizeof(float));
      }
    }
  }
}

void quantize_row(const float *row, int64_t width, int levels, uint8_t *bytes, float *scale, float *zero) {
  // 0 stands for itself, so that what is 0 adds nothing.
  const int64_t whole = width / LANES * LANES;
  floats low = {}, high = {};
  for (int64_t at = 0; at < whole; at += LANES) {
    const floats values = load(row + at);
    low = smaller(low, values);
    high = larger(high, values);
  }
  float lowest = least(low), highest = greatest(high);
  for (int64_t at = whole; at < width; ++at) {
    lowest = row[at] < lowest ? row[at] : lowest;
    highest = row[at] > highest ? row[at] : highest;
  }
  const float most = static_cast<float>(levels);
  const float range = highest - lowest;
  const float step = range > 0.0f ? range / most : 1.0f;
  const float offset = std::nearbyint(-lowest / step);
  const float inverse = 1.0f / step;
  // Rounded to the nearest by the same addition as above, to no more than `most`.
  const auto level_of = [&](floats values) {
    const floats level = (values * inverse + offset + 12582912.0f) - 12582912.0f;
    return __builtin_convertvector(smaller(larger(level, floats{}), all(most)), ints);
  };
  for (int64_t at = 0; at < whole; at += LANES) {
    const small level = __builtin_convertvector(level_of(load(row + at)), small);
    std::memcpy(bytes + at, &level, sizeof level);
  }
  for (int64_t at = whole; at < width; ++at) {
    bytes[at] = static_cast<uint8_t>(level_of(all(row[at]))[0]);
  }
  *scale = step;
  *zero = offset;
}

void dequantize_row(float *row, int64_t width, float scale, float zero, const float *weight_sums, const float *bias,
                    const float *other) {
  for (int64_t at = 0; at < width; ++at) {
    float value = scale * (row[at] - zero * weight_sums[at]);
    value += bias != nullptr ? bias[at] : 0.0f;
    value += other != nullptr ? other[at] : 0.0f;
    row[at] = value;
  }
}

} // namespace

namespace tx {

const kernels &TX_KERNELS() {
  static const kernels these = {TX_NAME, attention_scratch, attention, quantize_row, dequantize_row};
  return these;
}

} // namespace tx
