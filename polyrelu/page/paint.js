// The colors of the regions, and the legend that explains them.

class Paint {
  constructor(page) {
    this.page = page;
    this.model = page.model;
  }

  recolor() {
    const { model } = this;
    const { dark } = this.page;
    const rgba = new Uint8Array(4 * model.R);
    const paint = (color) => {
      for (let i = 0; i < model.R; i++) rgba.set(bytes(color(i)), 4 * i);
    };
    $("legend").hidden = false;
    if (this.page.mode === "pattern") {
      const table = dark ? MAPS.dark : MAPS.light;
      const colors = table.map(unhex);
      for (let k = 0; k < 250; k++)
        colors.push(ballColor(dark, [0.9 * Math.cos(k * 2.399963), 0.9 * Math.sin(k * 2.399963)]));
      paint((i) => colors[model.mapColor(this.page.level, i)]);
      this.showLegend("Like the countries of a map: neighbors differ.");
    } else if (this.page.mode === "affine") {
      const gradients = Array.from({ length: model.R }, (_, i) => model.map(i, this.page.output).slice(0, model.d));
      const lengths = gradients.map((g) => Math.hypot(...g));
      this.ring = this.typical(lengths);
      paint((i) =>
        ballColor(
          dark,
          gradients[i].map((v) => v / Math.hypot(this.ring, lengths[i])),
        ),
      );
      this.showDisc();
    } else if (this.page.mode === "value") {
      const range = this.page.scene.setValues(this.page.output);
      this.showScale(`value of ${this.outputName()}`, short(range[0]), short(range[1]));
    } else if (this.page.mode === "gradient") {
      const norms = Array.from({ length: model.R }, (_, i) =>
        Math.hypot(...model.map(i, this.page.output).slice(0, model.d)),
      );
      const largest = norms.reduce((a, b) => Math.max(a, b), 0);
      paint((i) => ramp(dark, largest ? norms[i] / largest : 0));
      this.showScale(`length of the gradient of ${this.outputName()}`, "0", short(largest));
    } else if (this.page.mode === "volume") {
      const { start, group, count } = model.level(this.page.level);
      const volumes = Array.from({ length: count }, (_, g) => model.volume(start[g], start[g + 1]));
      const known = volumes.filter((v) => v > 0);
      const [low, high] = known.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, 0]);
      const none = dark ? oklab(0.4, 0, 0) : oklab(0.8, 0, 0);
      const span = Math.log(high / low) || 1;
      const colors = volumes.map((v) => (v > 0 ? ramp(dark, low < high ? Math.log(v / low) / span : 0.5) : none));
      paint((i) => colors[group[i]]);
      const name = VOLUMES[model.d - 1].toLowerCase();
      if (known.length)
        this.showScale(
          `${name} (logarithmic)${known.length < count ? "; cut off: gray" : ""}`,
          short(low),
          short(high),
        );
      else this.showLegend("Every region is cut off by the window.");
    } else {
      paint(() => this.page.panel);
      this.showLegend(
        model.d === 3
          ? "Facets in the color of the first layer that vanishes there."
          : "No fill: facets in the colors of their layers.",
      );
    }
    this.page.scene.setColors(rgba);
  }

  outputName() {
    return this.model.m > 1 ? `f${this.page.output}` : "f";
  }

  // Half of the volume that is not flat has a shorter gradient than this.
  typical(lengths) {
    const order = Array.from(lengths.keys())
      .filter((i) => lengths[i] > 0)
      .sort((a, b) => lengths[a] - lengths[b]);
    const weight = (i) => (this.model.volumes[i] > 0 ? this.model.volumes[i] : 0);
    let left = order.reduce((sum, i) => sum + weight(i), 0) / 2;
    for (const i of order) if ((left -= weight(i)) <= 0) return lengths[i];
    return 1;
  }

  legendCanvas(width, height) {
    const canvas = $("legend-canvas");
    const ratio = devicePixelRatio || 1;
    Object.assign(canvas, { width: width * ratio, height: height * ratio });
    Object.assign(canvas.style, {
      width: width ? `${width}px` : "0",
      height: `${height}px`,
      display: width ? "block" : "none",
    });
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    return context;
  }

  showLegend(text) {
    $("legend").className = "";
    this.legendCanvas(0, 0);
    $("legend-text").textContent = text;
  }

  showScale(name, low, high) {
    const width = 310;
    const context = this.legendCanvas(width, 10);
    for (let x = 0; x < width; x++) {
      context.fillStyle = css(ramp(this.page.dark, x / (width - 1)));
      context.fillRect(x, 0, 1.5, 10);
    }
    $("legend").className = "wide";
    $("legend-text").replaceChildren(...[low, name, high].map((text) => element("span", text)));
  }

  showDisc() {
    const { model } = this;
    const size = model.d === 1 ? 16 : 64;
    const context = this.legendCanvas(64, size);
    for (let x = 0; x < 64; x++)
      for (let y = 0; y < size; y++) {
        const u = [(x - 31.5) / 31, model.d === 1 ? 0 : (31.5 - y) / 31];
        if (Math.hypot(...u) > 1) continue;
        context.fillStyle = css(ballColor(this.page.dark, u));
        context.fillRect(x, y, 1.2, 1.2);
      }
    if (model.d > 1) {
      context.setLineDash([2, 2]);
      context.strokeStyle = css(this.page.ink);
      context.beginPath();
      context.arc(32, 32, 31 * Math.SQRT1_2, 0, 7);
      context.stroke();
    }
    $("legend").className = "";
    const third = model.d === 3 ? ` Green to red: along ${model.head.inputs[2]}.` : "";
    const axes =
      model.d === 1
        ? "Blue falls, yellow rises"
        : `Right: along ${model.head.inputs[0]}; up: along ${model.head.inputs[1]}`;
    const ring = model.d === 1 ? "" : `; dashed: length ${short(this.ring)}`;
    $("legend-text").textContent = `Gradient of ${this.outputName()}. ${axes}${ring}.${third}`;
  }
}
