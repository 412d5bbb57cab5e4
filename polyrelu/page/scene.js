// The picture: all shapes in WebGL.
//
// Positions are normalized to about [-1, 1] and given as sums of two 32-bit floats, so that lines are straight and
// in their places after zooming in 20 000 times. Colors and centers are textures with one texel per region. Lines are
// textures too, of the numbers of their ends: instances of one segment are slow where there is no graphics card.

// Where each texture is bound; 4 is for pointing, 8 for the lines of the graph.
const UNITS = ["colors", "centers", "ramp", "layerColors", null, "highs", "lows", "lines"];

class Scene {
  constructor(canvas, model) {
    this.canvas = canvas;
    this.model = model;
    this.solid = model.d === 3;
    const gl = canvas.getContext("webgl2", { antialias: true, alpha: false, powerPreference: "high-performance" });
    if (!gl) throw new Error("this browser has no WebGL 2, which draws the picture; try another one");
    this.gl = gl;
    this.dimension = this.solid ? 3 : 2;
    this.setNorm();
    this.fill = this.program(FILL_VERTEX, FILL_FRAGMENT);
    this.line = this.program(LINE_VERTEX, LINE_FRAGMENT);
    this.dot = this.program(DOT_VERTEX, DOT_FRAGMENT);
    this.textures = {};
    this.nothing = gl.createVertexArray();
    this.setColors(new Uint8Array(4 * model.R));
    this.setCorners();
    this.buildFill();
    this.buildLines();
    this.pickTarget = null;
    this.explode = 0;
    this.reset();
  }

  // One factor for all axes unless their lengths differ much: then each axis fills the picture.
  setNorm() {
    const { corners } = this.model;
    const low = new Array(this.dimension).fill(Infinity);
    const high = new Array(this.dimension).fill(-Infinity);
    for (let k = 0; k < corners.length; k++) {
      const axis = k % this.dimension;
      low[axis] = Math.min(low[axis], corners[k]);
      high[axis] = Math.max(high[axis], corners[k]);
    }
    const sizes = high.map((v, k) => v - low[k]);
    const large = Math.max(...sizes);
    const equal = this.model.d > 1 && large <= 2.5 * Math.min(...sizes);
    this.norm = sizes.map((size, k) => ({
      middle: (low[k] + high[k]) / 2,
      factor: 2 / (equal ? large : size),
    }));
    if (this.model.d === 1) this.norm[1].factor *= 0.62;
    this.extent = sizes.map((size, k) => (size / 2) * this.norm[k].factor);
  }

  normalized(x) {
    return [0, 1, 2].map((k) => (k < this.norm.length ? (x[k] - this.norm[k].middle) * this.norm[k].factor : 0));
  }

  program(vertex, fragment) {
    const gl = this.gl;
    const program = gl.createProgram();
    for (const [type, source] of [
      [gl.VERTEX_SHADER, vertex],
      [gl.FRAGMENT_SHADER, fragment],
    ]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    return { program, at: (n) => gl.getUniformLocation(program, n), slot: (n) => gl.getAttribLocation(program, n) };
  }

  texture(name, unit, width, height, kind, data) {
    const gl = this.gl;
    this.textures[name] = this.textures[name] || gl.createTexture();
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, this.textures[name]);
    const [internal, format, type] = {
      byte: [gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE],
      float: [gl.RGBA32F, gl.RGBA, gl.FLOAT],
      number: [gl.RGBA32UI, gl.RGBA_INTEGER, gl.UNSIGNED_INT],
    }[kind];
    gl.texImage2D(gl.TEXTURE_2D, 0, internal, width, height, 0, format, type, data);
    const filter = name === "ramp" ? gl.LINEAR : gl.NEAREST;
    for (const key of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, key, filter);
    for (const key of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, key, gl.CLAMP_TO_EDGE);
  }

  // A texture with one texel for every four numbers.
  table(name, unit, kind, data) {
    const rows = Math.max(1, Math.ceil(data.length / 4 / TEXTURE_WIDTH));
    if (rows > this.gl.getParameter(this.gl.MAX_TEXTURE_SIZE))
      throw new Error("there are too many regions for this graphics card; draw a smaller domain or window");
    const full = new data.constructor(4 * TEXTURE_WIDTH * rows);
    full.set(data);
    this.texture(name, unit, TEXTURE_WIDTH, rows, kind, full);
  }

  setColors(rgba) {
    this.table("colors", 0, "byte", rgba);
  }

  setCenters(level) {
    const { group, start, count } = this.model.level(level);
    this.group = group;
    const data = new Float32Array(4 * this.model.R);
    this.centers = [];
    for (let g = 0; g < count; g++) {
      let x = Array.from(this.model.center(start[g], start[g + 1]));
      if (this.model.d === 1) x = [x[0], this.graphHeight(start[g], start[g + 1], x[0])];
      const c = this.normalized(x);
      this.centers.push(c);
      for (let i = start[g]; i < start[g + 1]; i++) data.set(c, 4 * i);
    }
    this.table("centers", 1, "float", data);
  }

  // With one input nodes of the graph lie on the graph of the first output.
  graphHeight(from, to, x) {
    let best = from;
    for (let i = from; i < to; i++)
      if (Math.abs(this.model.points[i] - x) < Math.abs(this.model.points[best] - x)) best = i;
    const [a, b] = this.model.map(best, 0);
    return a * x + b;
  }

  setRamp(rgba) {
    this.texture("ramp", 2, 256, 1, "byte", rgba);
  }

  setLayerColors(rgba) {
    this.texture("layerColors", 3, rgba.length / 4, 1, "byte", rgba);
  }

  // -- buffers ------------------------------------------------------------------------
  buffer(data, target = this.gl.ARRAY_BUFFER) {
    const buffer = this.gl.createBuffer();
    this.gl.bindBuffer(target, buffer);
    this.gl.bufferData(target, data, this.gl.STATIC_DRAW);
    return buffer;
  }

  attribute(program, name, buffer, size, integer = false) {
    const gl = this.gl;
    const slot = program.slot(name);
    if (slot < 0) return;
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(slot);
    if (integer) gl.vertexAttribIPointer(slot, size, gl.UNSIGNED_INT, 0, 0);
    else gl.vertexAttribPointer(slot, size, gl.FLOAT, false, 0, 0);
  }

  // Every corner as the sum of two 32-bit floats; with one input also the ends of the graphs.
  setCorners() {
    const { model, dimension } = this;
    const points = this.solid || model.d === 2 ? model.corners : [...model.corners, ...this.graphEnds()];
    this.high = new Float32Array((3 * points.length) / dimension);
    this.low = new Float32Array(this.high.length);
    for (let k = 0; k < points.length; k++) {
      const axis = k % dimension;
      const value = (points[k] - this.norm[axis].middle) * this.norm[axis].factor;
      const at = 3 * ((k - axis) / dimension) + axis;
      this.high[at] = value;
      this.low[at] = value - this.high[at];
    }
    for (const [name, unit, values] of [
      ["highs", 5, this.high],
      ["lows", 6, this.low],
    ]) {
      const data = new Float32Array((4 * values.length) / 3);
      for (let k = 0, at = 0; k < values.length; k += 3, at += 4)
        for (let a = 0; a < 3; a++) data[at + a] = values[k + a];
      this.table(name, unit, "float", data);
    }
  }

  // With one input: both ends of the graph of every output on every region that is shown.
  graphEnds() {
    const { model } = this;
    const ends = [];
    for (let k = 0; k < model.m; k++)
      for (let i = 0; i < model.R; i++)
        if (model.pointer[i + 1] > model.pointer[i]) {
          const [a, b] = model.map(i, k);
          for (const c of [0, 1]) {
            const x = model.corners[2 * model.cycle[model.pointer[i] + c]];
            ends.push(x, a * x + b);
          }
        }
    return ends;
  }

  copyCorner(c, high, low, at) {
    for (let a = 0; a < 3; a++) {
      high[3 * at + a] = this.high[3 * c + a];
      low[3 * at + a] = this.low[3 * c + a];
    }
  }

  // Facets in the order in which layers add them; with three inputs every region draws all of its facets.
  facetsByLayer() {
    const { facetLayer } = this.model;
    return Array.from(facetLayer.keys()).sort((a, b) => facetLayer[a] - facetLayer[b]);
  }

  buildFill() {
    const { model, gl } = this;
    const { cycle, pointer } = model;
    const pieces = []; // (polygon, region, layer)
    if (this.solid) {
      this.ordered = this.facetsByLayer().filter((f) => model.facetPolygon[f] >= 0);
      for (const f of this.ordered) pieces.push([model.facetPolygon[f], model.facetRegion[f], model.facetLayer[f]]);
    } else for (let i = 0; i < model.R; i++) if (pointer[i + 1] > pointer[i]) pieces.push([i, i, 0]);
    let vertices = 0;
    let triangles = 0;
    for (const [p] of pieces) {
      vertices += pointer[p + 1] - pointer[p];
      triangles += pointer[p + 1] - pointer[p] - 2;
    }
    const high = new Float32Array(3 * vertices);
    const low = new Float32Array(3 * vertices);
    const id = new Uint32Array(vertices);
    const layer = new Float32Array(vertices);
    const index = new Uint32Array(3 * triangles);
    this.vertexCorner = new Uint32Array(vertices);
    this.vertexRegion = id;
    this.layerEnd = new Array(model.layers + 1).fill(0);
    let v = 0;
    let t = 0;
    for (const [p, region, facetLayer] of pieces) {
      const first = v;
      for (let k = pointer[p]; k < pointer[p + 1]; k++, v++) {
        const c = cycle[k];
        this.copyCorner(c, high, low, v);
        id[v] = region;
        layer[v] = facetLayer;
        this.vertexCorner[v] = c;
        if (v - first >= 2) {
          index.set([first, v - 1, v], t);
          t += 3;
        }
      }
      for (let l = facetLayer; l <= model.layers; l++) this.layerEnd[l] = t;
    }
    this.values = this.buffer(new Float32Array(vertices));
    this.fillArray = gl.createVertexArray();
    gl.bindVertexArray(this.fillArray);
    this.attribute(this.fill, "high", this.buffer(high), 3);
    this.attribute(this.fill, "low", this.buffer(low), 3);
    this.attribute(this.fill, "id", this.buffer(id), 1, true);
    this.attribute(this.fill, "layer", this.buffer(layer), 1);
    this.attribute(this.fill, "value", this.values, 1);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.buffer(index, gl.ELEMENT_ARRAY_BUFFER));
    gl.bindVertexArray(null);
  }

  // The value of an output at every corner, scaled to [0, 1]; the smallest and the largest are returned.
  setValues(output) {
    const { model, dimension } = this;
    const maps = Array.from({ length: model.R }, (_, i) => model.map(i, output));
    const raw = new Float64Array(this.vertexCorner.length);
    let low = Infinity;
    let high = -Infinity;
    for (let v = 0; v < raw.length; v++) {
      const map = maps[this.vertexRegion[v]];
      let value = map[model.d];
      for (let k = 0; k < model.d; k++) value += map[k] * model.corners[this.vertexCorner[v] * dimension + k];
      raw[v] = value;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    const t = new Float32Array(raw.length);
    for (let v = 0; v < t.length; v++) t[v] = high > low ? (raw[v] - low) / (high - low) : 0.5;
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.values);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, t, this.gl.STATIC_DRAW);
    return [low, high];
  }

  buildLines() {
    const { model } = this;
    const { cycle, pointer, side } = model;
    const found = Array.from({ length: model.layers + 1 }, () => []); // by layer: corner, corner, region
    if (this.solid) {
      if (model.R <= 20000)
        for (const f of this.ordered) {
          const p = model.facetPolygon[f];
          for (let k = pointer[p]; k < pointer[p + 1]; k++) {
            const next = k + 1 < pointer[p + 1] ? k + 1 : pointer[p];
            found[model.facetLayer[f]].push(cycle[k], cycle[next], model.facetRegion[f]);
          }
        }
    } else
      for (let i = 0; i < model.R; i++)
        for (let k = pointer[i]; k < pointer[i + 1]; k++) {
          const f = side[k];
          if (f < 0 || (model.facetNeighbor[f] >= 0 && model.facetNeighbor[f] < i)) continue;
          found[model.facetLayer[f]].push(cycle[k], cycle[k + 1 < pointer[i + 1] ? k + 1 : pointer[i]], i);
        }
    if (model.d === 1) {
      const shown = model.pointer[model.R] / 4;
      const first = model.corners.length / 2;
      for (let k = 0; k < model.m; k++) {
        found.push([]);
        const end = first + 2 * (k + 1) * shown;
        for (let n = first + 2 * k * shown; n < end; n += 2) found[found.length - 1].push(n, n + 1, 0);
      }
    }
    this.lineEnds = this.lineTable("lines", 7, found);
  }

  // Lines of several kinds in one texture: return where each kind ends.
  lineTable(name, unit, kinds) {
    const count = kinds.reduce((n, part) => n + part.length / 3, 0);
    const data = new Uint32Array(4 * count);
    const ends = [0];
    let n = 0;
    for (const part of kinds) {
      for (let k = 0; k < part.length; k += 3, n += 4) for (let a = 0; a < 3; a++) data[n + a] = part[k + a];
      ends.push(n / 4);
    }
    this.table(name, unit, "number", data);
    return ends;
  }

  buildGraph() {
    const { model, gl } = this;
    const parts = Array.from({ length: model.layers + 1 }, () => []);
    for (let f = 0; f < model.facetNeighbor.length; f++)
      if (model.facetNeighbor[f] > model.facetRegion[f])
        parts[model.facetLayer[f]].push(model.facetRegion[f], model.facetNeighbor[f], 0);
    this.pairEnds = this.lineTable("graph", 8, parts);
    this.dotArray = gl.createVertexArray();
    gl.bindVertexArray(this.dotArray);
    this.attribute(this.dot, "id", this.buffer(Uint32Array.from({ length: model.R }, (_, i) => i)), 1, true);
    gl.bindVertexArray(null);
  }

  // -- the view -------------------------------------------------------------------------
  reset() {
    this.center = [0, 0, 0];
    this.zoom = 1;
    this.yaw = -0.6;
    this.pitch = 0.42;
  }

  resize(width, height, ratio) {
    this.width = Math.max(width, 1);
    this.height = Math.max(height, 1);
    this.ratio = ratio;
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.pickTarget = null;
  }

  // Pixels per normalized unit, without perspective.
  get scale() {
    if (this.solid) return (0.265 * Math.min(this.width, this.height) * this.zoom) / (1 + 0.85 * this.explode);
    const margin = 44;
    const [w, h] = this.extent;
    return Math.min((this.width - 2 * margin) / (2 * w), (this.height - 2 * margin) / (2 * h)) * this.zoom;
  }

  axes() {
    const [cy, sy, cp, sp] = [Math.cos(this.yaw), Math.sin(this.yaw), Math.cos(this.pitch), Math.sin(this.pitch)];
    return { right: [cy, sy, 0], up: [-sp * sy, sp * cy, cp], towards: [cp * sy, -cp * cy, sp] };
  }

  // Rows of the matrix that takes a normalized position minus this.center to clip coordinates.
  matrix() {
    const [sx, sy] = [(2 * this.scale) / this.width, (2 * this.scale) / this.height];
    if (!this.solid)
      return [
        [sx, 0, 0, 0],
        [0, sy, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 0, 1],
      ];
    const { right, up, towards } = this.axes();
    const distance = 7;
    const k = distance;
    const z = 1 / 24;
    return [
      [...right.map((v) => v * sx * k), 0],
      [...up.map((v) => v * sy * k), 0],
      [...towards.map((v) => -v * z * k), 0],
      [...towards.map((v) => -v), distance],
    ];
  }

  // Where a normalized position is on the screen, in CSS pixels; null behind the eye.
  screen(n, region = -1) {
    const c = region >= 0 && this.explode ? this.centers[this.group[region]] : [0, 0, 0];
    const p = [0, 1, 2].map((k) => n[k] - this.center[k] + this.explode * c[k]);
    const [x, y, , w] = this.matrix().map((row) => row[0] * p[0] + row[1] * p[1] + row[2] * p[2] + row[3]);
    return w > 0.01 ? [((x / w + 1) * this.width) / 2, ((1 - y / w) * this.height) / 2] : null;
  }

  // The normalized position under a pixel of a flat picture.
  position([px, py]) {
    return [this.center[0] + (px - this.width / 2) / this.scale, this.center[1] - (py - this.height / 2) / this.scale];
  }

  coordinates(n) {
    return this.norm.map(({ middle, factor }, k) => n[k] / factor + middle);
  }

  zoomAt(factor, pixel) {
    const next = Math.min(Math.max(this.zoom * factor, 0.2), this.solid ? 6 : 20000);
    if (!this.solid) {
      const before = this.position(pixel);
      this.zoom = next;
      const after = this.position(pixel);
      for (let k = 0; k < 2; k++) this.center[k] += before[k] - after[k];
    }
    this.zoom = next;
  }

  pan(dx, dy) {
    if (this.solid) {
      const { right, up } = this.axes();
      for (let k = 0; k < 3; k++) this.center[k] += (-dx * right[k] + dy * up[k]) / this.scale;
    } else {
      this.center[0] -= dx / this.scale;
      this.center[1] += dy / this.scale;
    }
  }

  rotate(dx, dy) {
    this.yaw -= dx * 0.008;
    this.pitch = Math.min(Math.max(this.pitch + dy * 0.008, -1.57), 1.57);
  }

  // -- drawing --------------------------------------------------------------------------
  use(program) {
    const gl = this.gl;
    gl.useProgram(program.program);
    const rows = this.matrix();
    gl.uniformMatrix4fv(program.at("matrix"), true, rows.flat());
    const high = this.center.map(Math.fround);
    gl.uniform3fv(program.at("eyeHigh"), high);
    gl.uniform3fv(
      program.at("eyeLow"),
      this.center.map((v, k) => v - high[k]),
    );
    gl.uniform1f(program.at("explode"), this.explode);
    for (const [unit, name] of UNITS.entries()) if (name) gl.uniform1i(program.at(name), unit);
  }

  drawFill(mode, level) {
    const gl = this.gl;
    this.use(this.fill);
    gl.uniform1i(this.fill.at("mode"), mode);
    gl.uniform1i(this.fill.at("solid"), this.solid && mode !== 3);
    gl.bindVertexArray(this.fillArray);
    gl.drawElements(gl.TRIANGLES, this.layerEnd[this.solid ? level : this.model.layers], gl.UNSIGNED_INT, 0);
  }

  drawLines(from, to, color, thickness, graph = false) {
    const gl = this.gl;
    if (from === to) return;
    this.use(this.line);
    gl.uniform2f(this.line.at("pixels"), this.canvas.width / 2, this.canvas.height / 2);
    gl.uniform1f(this.line.at("thickness"), thickness * this.ratio);
    gl.uniform1f(this.line.at("lift"), this.solid ? 0.002 : 0);
    gl.uniform1i(this.line.at("lines"), graph ? 8 : 7);
    gl.uniform1i(this.line.at("graph"), graph ? 1 : 0);
    gl.uniform1i(this.line.at("flatView"), this.solid ? 0 : 1);
    gl.uniform4fv(this.line.at("color"), color);
    // hairlines take a third of the work
    const hairlines = thickness * this.ratio <= 1;
    gl.uniform1i(this.line.at("hairlines"), hairlines ? 1 : 0);
    gl.bindVertexArray(this.nothing);
    if (hairlines) gl.drawArrays(gl.LINES, 2 * from, 2 * (to - from));
    else gl.drawArrays(gl.TRIANGLES, 6 * from, 6 * (to - from));
  }

  prepare(background) {
    const gl = this.gl;
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clearColor(...background);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.depthMask(true);
    if (this.solid) gl.enable(gl.DEPTH_TEST);
    else gl.disable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
  }

  draw(style) {
    const gl = this.gl;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    this.prepare(style.background);
    gl.disable(gl.BLEND);
    if (style.mode !== null) this.drawFill(style.mode, style.level);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    gl.depthMask(false);
    // deeper layers first, the walls last
    if (style.facets)
      for (let layer = style.level; layer >= 0; layer--)
        this.drawLines(
          this.lineEnds[layer],
          this.lineEnds[layer + 1],
          style.lineColors[layer],
          style.lineWidths[layer],
        );
    for (let k = 0; k < this.lineEnds.length - this.model.layers - 2; k++) {
      const [color, width] = k === style.output ? [style.ink, 2.2] : [[...style.ink.slice(0, 3), 0.35], 1.2];
      const kind = this.model.layers + 1 + k;
      this.drawLines(this.lineEnds[kind], this.lineEnds[kind + 1], color, width);
    }
    if (style.graph) {
      if (!this.dotArray) this.buildGraph();
      if (this.solid) gl.disable(gl.DEPTH_TEST);
      this.drawLines(0, this.pairEnds[style.level + 1], style.graphColor, style.graphWidth, true);
      this.use(this.dot);
      gl.uniform1f(this.dot.at("size"), style.dotSize * this.ratio);
      gl.uniform1f(this.dot.at("lift"), 0);
      gl.uniform4fv(this.dot.at("color"), style.graphColor);
      gl.bindVertexArray(this.dotArray);
      gl.drawArrays(gl.POINTS, 0, this.model.R);
    }
    gl.depthMask(true);
  }

  // The region at a pixel, or -1: once for every view, the regions are drawn with their numbers for colors.
  pick(pixel, level, key) {
    const gl = this.gl;
    const [w, h] = [this.canvas.width, this.canvas.height];
    if (!this.pickTarget) {
      if (this.pickObjects) for (const [kind, object] of this.pickObjects) gl[`delete${kind}`](object);
      const texture = gl.createTexture();
      gl.activeTexture(gl.TEXTURE4);
      gl.bindTexture(gl.TEXTURE_2D, texture);
      gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, w, h);
      const depth = gl.createRenderbuffer();
      gl.bindRenderbuffer(gl.RENDERBUFFER, depth);
      gl.renderbufferStorage(gl.RENDERBUFFER, gl.DEPTH_COMPONENT24, w, h);
      this.pickTarget = gl.createFramebuffer();
      gl.bindFramebuffer(gl.FRAMEBUFFER, this.pickTarget);
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
      gl.framebufferRenderbuffer(gl.FRAMEBUFFER, gl.DEPTH_ATTACHMENT, gl.RENDERBUFFER, depth);
      this.pickObjects = [
        ["Texture", texture],
        ["Renderbuffer", depth],
        ["Framebuffer", this.pickTarget],
      ];
      this.numbers = new Uint8Array(4 * w * h);
      this.pickKey = null;
    }
    if (this.pickKey !== key) {
      gl.bindFramebuffer(gl.FRAMEBUFFER, this.pickTarget);
      this.prepare([0, 0, 0, 0]);
      gl.disable(gl.BLEND);
      this.drawFill(3, level);
      gl.readPixels(0, 0, w, h, gl.RGBA, gl.UNSIGNED_BYTE, this.numbers);
      gl.bindFramebuffer(gl.FRAMEBUFFER, null);
      this.pickKey = key;
    }
    const x = Math.min(Math.max(Math.floor(pixel[0] * this.ratio), 0), w - 1);
    const y = Math.min(Math.max(h - 1 - Math.floor(pixel[1] * this.ratio), 0), h - 1);
    const [low, middle, high] = this.numbers.subarray(4 * (y * w + x));
    return low + 256 * middle + 65536 * high - 1;
  }
}
