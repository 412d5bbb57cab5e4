// What the page was given: arrays out of one compressed piece, and the graph of regions at every layer.

const TYPES = { f8: Float64Array, f4: Float32Array, i4: Int32Array, u4: Uint32Array, u1: Uint8Array };
const WALL = -1;

async function readModel() {
  const head = JSON.parse(document.getElementById("head").textContent);
  const text = atob(document.getElementById("data").textContent.trim());
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  const arrays = {};
  for (const [name, [type, offset, size]] of Object.entries(head.arrays))
    arrays[name] = new TYPES[type](buffer, offset, size);
  return new Model(head, arrays);
}

class Model {
  constructor(head, arrays) {
    Object.assign(this, arrays);
    this.head = head;
    this.d = head.inputs.length;
    this.m = head.outputs;
    this.R = head.regions;
    this.widths = head.widths;
    this.layers = head.widths.length;
    this.neurons = head.widths.reduce((a, b) => a + b, 0);
    this.ends = [];
    for (const width of head.widths) this.ends.push((this.ends[this.ends.length - 1] || 0) + width);
    this.width = this.R ? this.packed.length / this.R : 0;
    for (let i = this.width; i < this.packed.length; i++) this.packed[i] ^= this.packed[i - this.width];
    const F = this.facetNeighbor.length;
    this.facetRegion = new Uint32Array(F);
    this.facetLayer = new Uint16Array(F); // from 1; 0 at the rim of what was explored
    for (let i = 0; i < this.R; i++) this.facetRegion.fill(i, this.facetPtr[i], this.facetPtr[i + 1]);
    for (let f = 0; f < F; f++)
      this.facetLayer[f] = this.facetNeighbor[f] < 0 ? 0 : this.layerOf(this.facetRow[this.rowPtr[f]]) + 1;
    this.levels = new Map();
    const text = new TextDecoder().decode(this.network);
    this.exact = text ? new Network(text, this.d) : null;
  }

  layerOf(neuron) {
    let layer = 0;
    while (neuron >= this.ends[layer]) layer += 1;
    return layer;
  }

  neuronName(neuron) {
    const layer = this.layerOf(neuron);
    return `layer${layer + 1}[${neuron - (layer ? this.ends[layer - 1] : 0)}]`;
  }

  bits(i) {
    const out = new Uint8Array(this.neurons);
    for (let j = 0; j < this.neurons; j++) out[j] = (this.packed[i * this.width + (j >> 3)] >> (7 - (j & 7))) & 1;
    return out;
  }

  // Regions are sorted by pattern: the regions of the first layers are runs [start[g], start[g + 1]).
  level(l) {
    if (!this.levels.has(l)) {
      const end = l ? this.ends[l - 1] : 0;
      const group = new Uint32Array(this.R);
      const start = [0];
      for (let i = 1; i < this.R; i++) {
        if (this.starts[i] < end) start.push(i);
        group[i] = start.length - 1;
      }
      const count = start.length;
      start.push(this.R);
      this.levels.set(l, { group, start, count });
    }
    return this.levels.get(l);
  }

  mapColor(l, i) {
    return l ? this.mapColors[(l - 1) * this.R + i] : 0;
  }

  // The float map of output k on region i: (a_1, .., a_d, b).
  map(i, k) {
    const scale = 2 ** this.head.exponents[k];
    return Array.from({ length: this.d + 1 }, (_, c) => this.maps[(i * (this.d + 1) + c) * this.m + k] * scale);
  }

  point(i) {
    return this.points.subarray(i * this.d, (i + 1) * this.d);
  }

  // A point inside a union of regions: the mean of theirs, by volume.
  center(from, to) {
    const sum = new Float64Array(this.d);
    let total = 0;
    for (let i = from; i < to; i++) {
      const weight = this.volumes[i] > 0 ? this.volumes[i] : 1e-200;
      total += weight;
      for (let k = 0; k < this.d; k++) sum[k] += weight * this.points[i * this.d + k];
    }
    return to - from === 1 || !Number.isFinite(total) ? this.point(from) : sum.map((v) => v / total);
  }

  volume(from, to) {
    let total = 0;
    for (let i = from; i < to; i++) total += this.volumes[i];
    return total;
  }

  // The facets of a union of regions that bound it, by what is across: a group, or null at the rim.
  facets(l, g) {
    const { group, start } = this.level(l);
    const across = new Map();
    const rim = [];
    for (let f = this.facetPtr[start[g]]; f < this.facetPtr[start[g + 1]]; f++) {
      const other = this.facetNeighbor[f];
      if (other < 0) rim.push(f);
      else if (group[other] !== g) {
        if (!across.has(group[other])) across.set(group[other], []);
        across.get(group[other]).push(f);
      }
    }
    return { across: new Map([...across].sort((a, b) => a[0] - b[0])), rim };
  }

  // The neurons of the first l layers, and walls, that vanish on some of these facets.
  names(facets, l) {
    const found = new Set();
    for (const f of facets)
      for (let r = this.rowPtr[f]; r < this.rowPtr[f + 1]; r++) {
        const row = this.facetRow[r];
        if (row >= this.neurons) found.add(this.head.wallNames[row - this.neurons]);
        else if (this.layerOf(row) < l || this.facetNeighbor[f] < 0) found.add(this.neuronName(row));
      }
    return [...found];
  }

  exactFacetRows(i, rows, bits) {
    const out = [];
    for (let f = this.facetPtr[i]; f < this.facetPtr[i + 1]; f++) {
      const last = this.facetRow[this.rowPtr[f + 1] - 1];
      const r = last >= this.neurons ? last : this.facetRow[this.rowPtr[f]];
      if (r >= this.neurons) out.push(this.head.walls[r - this.neurons].map(BigInt));
      else out.push(bits[r] ? rows[r] : rows[r].map((v) => -v));
    }
    return out;
  }

  exactPoint(i) {
    const thin = this.head.thin[i];
    return thin ? thin.map(Fraction.of) : Array.from(this.point(i), Fraction.ofFloat);
  }

  // The affine map of region i and its volume (null if it is not computed), exactly.
  describe(i) {
    const bits = this.bits(i);
    const { rows, map } = this.exact.forms(bits);
    const facets = this.d < 3 ? this.exactFacetRows(i, rows, bits) : [];
    return { map, volume: this.d < 3 && facets.length <= 64 ? exactVolume(facets, this.d) : null };
  }
}
