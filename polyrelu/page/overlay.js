// What is drawn above the picture: the regions pointed at and chosen, the walk, axes.

class Overlay {
  constructor(page) {
    this.page = page;
    this.model = page.model;
    this.scene = page.scene;
    this.context = page.above.getContext("2d");
  }

  // Flat pieces of a union of regions as corners on the screen, with flags for the sides that bound it.
  *outlines(from, to) {
    const { model, scene } = this;
    const dim = scene.dimension;
    for (let i = from; i < to; i++) {
      const facets = scene.solid
        ? Array.from({ length: model.facetPtr[i + 1] - model.facetPtr[i] }, (_, k) => model.facetPtr[i] + k)
        : [-1];
      for (const f of facets) {
        if (f >= 0 && (model.facetLayer[f] > this.page.level || model.facetPolygon[f] < 0)) continue;
        const p = f >= 0 ? model.facetPolygon[f] : i;
        const points = [];
        const bounds = [];
        for (let k = model.pointer[p]; k < model.pointer[p + 1]; k++) {
          const c = model.cycle[k];
          points.push(scene.screen(scene.normalized(model.corners.subarray(c * dim, (c + 1) * dim)), i));
          bounds.push(f >= 0 || model.side[k] < 0 || model.facetLayer[model.side[k]] <= this.page.level);
        }
        if (points.length && points.every(Boolean)) yield { points, bounds };
      }
    }
  }

  mark(group, { fill, stroke, width, halo = 0 }) {
    const { start } = this.model.level(this.page.level);
    const { context } = this;
    const members = start[group + 1] - start[group];
    const lines = new Path2D();
    const area = new Path2D();
    for (const { points, bounds } of this.outlines(start[group], start[group + 1])) {
      points.forEach(([x, y], k) => {
        if (k) area.lineTo(x, y);
        else area.moveTo(x, y);
        if (!bounds[k]) return;
        lines.moveTo(x, y);
        lines.lineTo(...points[(k + 1) % points.length]);
      });
      area.closePath();
    }
    if (fill && members <= 5000) {
      context.fillStyle = fill;
      context.fill(area, this.scene.solid ? "nonzero" : "evenodd");
    }
    context.lineCap = context.lineJoin = "round";
    for (const [color, thickness] of [
      [css(this.page.paper, 0.8), halo],
      [stroke, width],
    ]) {
      context.strokeStyle = color;
      context.lineWidth = thickness;
      if (thickness) context.stroke(lines);
    }
  }

  draw() {
    const { context, scene, model } = this;
    context.setTransform(scene.ratio, 0, 0, scene.ratio, 0, 0);
    context.clearRect(0, 0, scene.width, scene.height);
    const { group } = model.level(this.page.level);
    if (this.page.selected >= 0) {
      const own = group[this.page.selected];
      const neighbors = [...model.facets(this.page.level, own).across.keys()];
      if (neighbors.length <= 500)
        for (const g of neighbors)
          this.mark(g, { fill: css(this.page.accent, 0.16), stroke: css(this.page.accent, 0.55), width: 1.2 });
      this.mark(own, { fill: css(this.page.accent, 0.34), stroke: css(this.page.accent), width: 3, halo: 6 });
      this.drawWalk(group);
    }
    if (this.page.hovered >= 0 && (this.page.selected < 0 || group[this.page.hovered] !== group[this.page.selected]))
      this.mark(group[this.page.hovered], { fill: null, stroke: css(this.page.ink), width: 2, halo: 5 });
    if (scene.solid) this.drawTriad();
    else this.drawAxes();
  }

  drawWalk(group) {
    const { context, scene } = this;
    const points = this.page.walk.map((i) => scene.screen(scene.centers[group[i]], i)).filter(Boolean);
    context.strokeStyle = context.fillStyle = css(this.page.accent);
    context.lineWidth = 1.5;
    context.setLineDash([4, 3]);
    context.beginPath();
    points.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.stroke();
    context.setLineDash([]);
    points.slice(-1).forEach(([x, y]) => {
      context.beginPath();
      context.arc(x, y, 3.5, 0, 7);
      context.fill();
    });
  }

  label(text, x, y, align, baseline) {
    const { context } = this;
    Object.assign(context, { textAlign: align, textBaseline: baseline, lineJoin: "round", lineWidth: 3.5 });
    context.strokeStyle = css(this.page.paper);
    context.strokeText(text, x, y);
    context.fillStyle = css(this.page.soft);
    context.fillText(text, x, y);
  }

  drawAxes() {
    const { context, scene, model } = this;
    context.font = "11.5px system-ui, sans-serif";
    const low = scene.coordinates(scene.position([0, scene.height]));
    const high = scene.coordinates(scene.position([scene.width, 0]));
    for (const axis of [0, 1]) {
      const count = axis ? scene.height / 80 : scene.width / 110;
      const rough = (high[axis] - low[axis]) / count;
      const power = 10 ** Math.floor(Math.log10(rough));
      const step = [1, 2, 5, 10].find((k) => k * power >= rough) * power;
      const digits = Math.max(0, -Math.floor(Math.log10(step) + 0.01));
      for (let k = Math.ceil(low[axis] / step); k <= high[axis] / step; k++) {
        const value = k * step;
        const text =
          Math.abs(value) >= 1e6 || digits > 9 ? String(Number(value.toPrecision(10))) : value.toFixed(digits);
        const [x, y] = scene.screen(scene.normalized(axis ? [low[0], value] : [value, low[1]]));
        context.strokeStyle = css(this.page.soft);
        context.lineWidth = 1;
        context.beginPath();
        if (axis) {
          if (y > scene.height - 34 || y < 34) continue;
          context.moveTo(0, y);
          context.lineTo(5, y);
          this.label(text, 8, y, "left", "middle");
        } else {
          if (x < 40 || x > scene.width - 60) continue;
          context.moveTo(x, scene.height);
          context.lineTo(x, scene.height - 5);
          this.label(text, x, scene.height - 8, "center", "bottom");
        }
        context.strokeStyle = css(this.page.soft);
        context.lineWidth = 1;
        context.stroke();
      }
    }
    context.font = "italic 13px system-ui, sans-serif";
    this.label(model.head.inputs[0], scene.width - 10, scene.height - 8, "right", "bottom");
    this.label(model.d === 1 ? this.page.painter.outputName() : model.head.inputs[1], 10, 10, "left", "top");
  }

  drawTriad() {
    const { context, scene, model } = this;
    const { right, up } = scene.axes();
    context.font = "italic 13px system-ui, sans-serif";
    const [x, y, size] = [54, scene.height - 54, 30];
    model.head.inputs.forEach((name, k) => {
      const [dx, dy] = [right[k], -up[k]];
      context.strokeStyle = css(this.page.soft);
      context.lineWidth = 1.5;
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x + size * dx, y + size * dy);
      context.stroke();
      this.label(name, x + (size + 12) * dx, y + (size + 12) * dy, "center", "middle");
    });
  }
}
