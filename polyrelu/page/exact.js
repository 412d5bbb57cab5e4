// Exact numbers: fractions of BigInts, and the affine forms of a network on a pattern.

function gcd(a, b) {
  a = a < 0n ? -a : a;
  b = b < 0n ? -b : b;
  while (b) [a, b] = [b, a % b];
  return a;
}

function bitLength(n) {
  return (n < 0n ? -n : n).toString(16).length * 4;
}

class Fraction {
  constructor(n, d = 1n) {
    if (d < 0n) [n, d] = [-n, -d];
    const g = gcd(n, d) || 1n;
    this.n = n / g;
    this.d = d / g;
  }

  static of(text) {
    const [n, d] = text.split("/");
    return new Fraction(BigInt(n), BigInt(d || "1"));
  }

  // A float is an integer times a power of two.
  static ofFloat(value) {
    let k = 0;
    while (!Number.isInteger(value)) {
      value *= 2;
      k += 1;
    }
    return new Fraction(BigInt(value), 1n << BigInt(k));
  }

  add(other) {
    return new Fraction(this.n * other.d + other.n * this.d, this.d * other.d);
  }

  // Close enough for any number of digits shown: the quotient is taken to 80 bits.
  valueOf() {
    const k = 80 + bitLength(this.d) - bitLength(this.n);
    const q = k > 0 ? (this.n << BigInt(k)) / this.d : this.n / (this.d << BigInt(-k));
    const half = Math.trunc(k / 2);
    return Number(q) * 2 ** -half * 2 ** -(k - half);
  }

  toString() {
    return this.d === 1n ? `${this.n}` : `${this.n}/${this.d}`;
  }
}

function hexMatrix({ num, den }) {
  const integer = (word) => (word[0] === "-" ? -BigInt("0x" + word.slice(1)) : BigInt("0x" + word));
  return { num: num.map((row) => (row ? row.split(" ").map(integer) : [])), den: BigInt("0x" + den) };
}

class Network {
  constructor(text, d) {
    const { layers, outputRelu } = JSON.parse(text);
    this.d = d;
    this.outputRelu = outputRelu;
    this.weights = 0;
    this.layers = layers.map(({ blocks, bias }) => ({
      bias: hexMatrix(bias),
      blocks: Object.entries(blocks).map(([k, matrix]) => [Number(k), hexMatrix(matrix)]),
    }));
    for (const { blocks } of this.layers)
      for (const [, { num }] of blocks) this.weights += num.length * (num[0] || []).length;
  }

  // Return integer rows (g_1, .., g_d, g_0) of all neurons, each up to a positive factor, and the output map.
  forms(bits) {
    const d = this.d;
    const rows = [];
    const active = [];
    let last = null;
    for (const { blocks, bias } of this.layers) {
      const dens = blocks.map(([k, w]) => (k ? w.den * active[k - 1].den : w.den));
      const den = dens.reduce((a, b) => (a / gcd(a, b)) * b, bias.den);
      const num = bias.num.map((constant, i) => {
        const row = new Array(d + 1).fill(0n);
        row[d] = constant[0] * (den / bias.den);
        blocks.forEach(([k, w], b) => {
          const factor = den / dens[b];
          if (k === 0) {
            for (let c = 0; c < d; c++) row[c] += w.num[i][c] * factor;
            return;
          }
          const sum = new Array(d + 1).fill(0n);
          w.num[i].forEach((weight, j) => {
            const form = active[k - 1].num[j];
            if (weight && form) for (let c = 0; c <= d; c++) sum[c] += weight * form[c];
          });
          for (let c = 0; c <= d; c++) row[c] += sum[c] * factor;
        });
        return row;
      });
      last = { num, den };
      if (rows.length < bits.length) {
        // an inactive neuron puts out zero: null
        active.push({ num: num.map((row, i) => (bits[rows.length + i] ? row : null)), den });
        rows.push(...num);
      }
    }
    if (this.outputRelu) last = active[active.length - 1];
    const zero = new Array(d + 1).fill(0n);
    const map = last.num.map((row) => (row || zero).map((v) => new Fraction(v, last.den)));
    return { rows, map };
  }
}

// The exact length or area of {x : all rows >= 0}, given the rows of its facets; null if it is unbounded.
function exactVolume(rows, d) {
  if (d === 1) {
    if (rows.length < 2) return null;
    const [low, high] = rows[0][0] > 0n ? rows : [rows[1], rows[0]];
    return new Fraction(-high[1], high[0]).add(new Fraction(low[1], low[0]));
  }
  const upper = (x, y) => (y > 0n || (y === 0n && x < 0n) ? 1 : 0);
  const sorted = [...rows].sort(([a, b], [e, f]) => {
    const half = upper(-a, -b) - upper(-e, -f);
    const turn = a * f - b * e;
    return half || (turn > 0n ? -1 : turn < 0n ? 1 : 0);
  });
  if (sorted.length < 3) return null;
  const corners = [];
  for (let k = 0; k < sorted.length; k++) {
    const [a, b, c] = sorted[(k || sorted.length) - 1];
    const [e, f, g] = sorted[k];
    const w = a * f - e * b;
    // outward normals that turn left at every step, once around, bound a polygon
    if (w <= 0n) return null;
    const x = b * g - f * c;
    const y = c * e - g * a;
    const common = gcd(gcd(x, y), w);
    corners.push([x / common, y / common, w / common]);
  }
  let area = new Fraction(0n);
  for (let k = 0; k < corners.length; k++) {
    const [x, y, w] = corners[k];
    const [p, q, v] = corners[(k + 1) % corners.length];
    area = area.add(new Fraction(x * q - p * y, 2n * w * v));
  }
  return area;
}
