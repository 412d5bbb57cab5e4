// The page: controls, pointer and keys.

class Page {
  constructor(model, scene) {
    this.model = model;
    this.scene = scene;
    this.level = model.layers;
    this.mode = "pattern";
    this.output = 0;
    this.facets = true;
    this.graph = false;
    this.hovered = -1;
    this.selected = -1;
    this.walk = [];
    this.above = $("above");
    this.painter = new Paint(this);
    this.teller = new Panel(this);
    this.overlay = new Overlay(this);
    this.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    this.fillHeader();
    this.fillControls();
    this.listen();
    this.setTheme(this.theme);
    this.setLevel(this.level);
    new ResizeObserver(() => this.resize()).observe($("picture"));
    this.resize();
    this.tell();
  }

  // -- header and controls --------------------------------------------------------------
  fillHeader() {
    const { head } = this.model;
    $("counts").textContent = `${plural(head.regions, "activation region")}, ${
      head.adjacencies === 1 ? "1 adjacency" : `${thousands(head.adjacencies)} adjacencies`
    }`;
    $("domain").textContent = `Network ${head.shape}, ${plural(this.model.neurons, "hidden neuron")}; ${head.domain}`;
    const exact = head.exact ? "every decision exact" : "floats decided";
    $("state").textContent = head.complete
      ? `Complete, ${exact} (${head.method}).`
      : `Incomplete: the search stopped early, and regions beyond the rim of these ${thousands(head.regions)} are missing. Of those shown, ${exact} (${head.method}).`;
    $("state").className = head.complete ? "" : "warn";
    $("keys").textContent = KEYS;
  }

  fillControls() {
    const { model } = this;
    Object.assign($("level"), { max: model.layers, value: model.layers });
    model.widths.forEach((width, k) => {
      const row = element("span", "");
      row.append(document.createElement("i"), `layer ${k + 1}, ${plural(width, "neuron")}`);
      $("layer-legend").append(row);
    });
    for (const [mode, name] of Object.entries(MODES)) {
      const label = element("label", "", { title: `Colors: ${name.toLowerCase()} (c for the next)` });
      label.append(
        Object.assign(document.createElement("input"), {
          type: "radio",
          name: "colors",
          value: mode,
          id: `color-${mode}`,
        }),
        name,
      );
      $("colors").append(label);
    }
    $("color-pattern").checked = true;
    for (let k = 0; k < model.m; k++) $("output").append(element("option", `f${k}`, { value: k }));
    $("output-row").hidden = model.m === 1;
    $("explode-row").hidden = model.d !== 3;
    $("level").addEventListener("input", () => this.setLevel(Number($("level").value)));
    $("explode").addEventListener("input", () => this.setExplode(Number($("explode").value)));
    $("colors").addEventListener("change", (event) => this.setMode(event.target.value));
    $("output").addEventListener("change", () => {
      this.output = Number($("output").value);
      this.recolor();
    });
    for (const name of ["facets", "graph"])
      $(name).addEventListener("change", () => {
        this[name] = $(name).checked;
        this.invalidate();
      });
    $("theme").addEventListener("click", () => this.setTheme(this.theme === "dark" ? "light" : "dark"));
    $("zoom-in").addEventListener("click", () => this.zoom(1.5));
    $("zoom-out").addEventListener("click", () => this.zoom(1 / 1.5));
    $("fit").addEventListener("click", () => this.fit());
  }

  setTheme(theme) {
    this.theme = theme;
    this.dark = theme === "dark";
    document.documentElement.dataset.theme = theme;
    const style = getComputedStyle(document.documentElement);
    for (const name of ["paper", "ink", "accent", "soft", "panel"])
      this[name] = unhex(style.getPropertyValue(`--${name}`).trim());
    const { layers } = this.model;
    this.layerColors = this.model.widths.map((_, k) => layerColor(this.dark, k, layers));
    [...$("layer-legend").querySelectorAll("i")].forEach(
      (node, k) => (node.style.background = css(this.layerColors[k])),
    );
    this.scene.setLayerColors(
      new Uint8Array([this.dark ? oklab(0.5, 0, 0) : oklab(0.86, 0, 0), ...this.layerColors].flatMap((c) => bytes(c))),
    );
    this.scene.setRamp(new Uint8Array(Array.from({ length: 256 }, (_, k) => bytes(ramp(this.dark, k / 255))).flat()));
    this.recolor();
  }

  setLevel(level) {
    const { model } = this;
    this.level = Math.min(Math.max(level, 0), model.layers);
    $("level").value = this.level;
    $("level-text").textContent =
      `${this.level} of ${model.layers}: ${plural(model.level(this.level).count, "region")}`;
    [...$("layer-legend").children].forEach((row, k) => row.classList.toggle("off", k >= this.level));
    this.scene.setCenters(this.level);
    this.hovered = -1;
    this.recolor();
    this.tell();
  }

  setExplode(value) {
    if (!this.scene.solid) return;
    this.scene.explode = Math.min(Math.max(value, 0), 1) * 1.5;
    $("explode").value = value;
    $("explode-text").textContent = Number($("explode").value);
    this.invalidate();
  }

  setMode(mode) {
    this.mode = mode;
    $(`color-${mode}`).checked = true;
    this.recolor();
  }

  recolor() {
    this.painter.recolor();
    this.invalidate();
  }

  tell() {
    this.teller.tell();
  }

  // -- drawing --------------------------------------------------------------------------
  resize() {
    const box = $("picture").getBoundingClientRect();
    const ratio = devicePixelRatio || 1;
    if (this.scene.width === box.width && this.scene.height === box.height && this.scene.ratio === ratio) return;
    this.scene.resize(box.width, box.height, ratio);
    Object.assign(this.above, { width: this.scene.canvas.width, height: this.scene.canvas.height });
    this.draw();
  }

  invalidate() {
    this.stale = true;
    this.refresh();
  }

  refresh() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (this.stale) this.draw();
      else this.overlay.draw();
    });
  }

  // Lines are thinner where more regions are seen.
  lineWidth() {
    const { scene, model } = this;
    const seen = model.level(this.level).count / (model.d === 3 ? 1 : Math.max(scene.zoom, 1) ** Math.min(model.d, 2));
    return Math.min(Math.max(6 / Math.max(seen, 1) ** 0.24, 0.35), 1.9);
  }

  draw() {
    this.stale = false;
    const { model, scene } = this;
    const width = this.lineWidth();
    const solid = model.d === 3;
    const colors = [this.ink, ...(solid ? this.layerColors.map(() => this.ink) : this.layerColors)];
    scene.draw({
      background: [...this.paper, 1],
      mode: this.mode === "value" ? 1 : this.mode === "layers" && solid ? 2 : 0,
      level: this.level,
      output: this.output,
      facets: this.facets,
      graph: this.graph,
      ink: [...this.ink, 1],
      lineColors: colors.map((c) => [...c, solid ? 0.55 : 1]),
      lineWidths: colors.map((_, k) =>
        solid ? 1 : k ? width * (1 - (0.28 * (k - 1)) / Math.max(model.layers - 1, 1)) : Math.max(width, 1.1),
      ),
      graphColor: [...this.ink, 0.8],
      graphWidth: Math.min(width, 1.2),
      dotSize: Math.min(Math.max(3.2 * width, 2), 8),
    });
    this.overlay.draw();
  }

  // -- pointer and keys -----------------------------------------------------------------
  listen() {
    const { above, scene } = this;
    const pointers = new Map();
    let moved = 0;
    const at = (event) => {
      const box = above.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    above.addEventListener("pointerdown", (event) => {
      above.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, at(event));
      if (pointers.size === 1) moved = 0;
    });
    above.addEventListener("pointermove", (event) => {
      const pixel = at(event);
      const before = pointers.get(event.pointerId);
      if (!before) {
        this.pending = pixel;
        this.hoverSoon();
        return;
      }
      const [dx, dy] = [pixel[0] - before[0], pixel[1] - before[1]];
      moved += Math.hypot(dx, dy);
      pointers.set(event.pointerId, pixel);
      if (moved < 4) return;
      above.classList.add("dragging");
      if (pointers.size === 2) {
        const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
        const distance = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]);
        scene.zoomAt(distance(pixel) / Math.max(distance(before), 1), [
          (pixel[0] + other[0]) / 2,
          (pixel[1] + other[1]) / 2,
        ]);
        scene.pan(dx / 2, dy / 2);
      } else if (scene.solid && !event.shiftKey && !(event.buttons & 2)) scene.rotate(dx, dy);
      else scene.pan(dx, dy);
      this.invalidate();
    });
    const up = (event) => {
      if (!pointers.delete(event.pointerId)) return;
      above.classList.remove("dragging");
      if (event.type === "pointerup" && moved < 4 && !pointers.size) this.click(this.pick(at(event)));
    };
    above.addEventListener("pointerup", up);
    above.addEventListener("pointercancel", up);
    above.addEventListener("pointerleave", () => this.hover(-1));
    above.addEventListener("contextmenu", (event) => event.preventDefault());
    above.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        scene.zoomAt(2 ** ((-event.deltaY * (event.deltaMode === 1 ? 20 : 1)) / 400), at(event));
        this.invalidate();
      },
      { passive: false },
    );
    above.addEventListener("dblclick", (event) => this.zoom(2, at(event)));
    addEventListener("keydown", (event) => this.key(event));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) =>
      this.setTheme(event.matches ? "dark" : "light"),
    );
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { scene } = this;
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const busy = /^(INPUT|SELECT)$/.test(event.target.tagName);
    if (arrow) {
      if (busy) return;
      event.preventDefault();
      if (event.shiftKey) {
        scene.pan(-60 * arrow[0], -60 * arrow[1]);
        this.invalidate();
      } else this.step(arrow);
      return;
    }
    const modes = Object.keys(MODES);
    const actions = {
      "+": () => this.zoom(1.25),
      "=": () => this.zoom(1.25),
      "-": () => this.zoom(0.8),
      0: () => this.fit(),
      f: () => this.fit(),
      "[": () => this.setLevel(this.level - 1),
      "]": () => this.setLevel(this.level + 1),
      "<": () => this.setExplode(Number($("explode").value) - 0.05),
      ">": () => this.setExplode(Number($("explode").value) + 0.05),
      c: () => this.setMode(modes[(modes.indexOf(this.mode) + 1) % modes.length]),
      e: () => $("facets").click(),
      g: () => $("graph").click(),
      t: () => $("theme").click(),
      Escape: () => this.click(-1),
    };
    if (event.key === "Enter" && event.target === this.above)
      this.click(this.pick([scene.width / 2, scene.height / 2]));
    else if (actions[event.key]) actions[event.key]();
    else return;
    event.preventDefault();
  }

  zoom(factor, pixel = [this.scene.width / 2, this.scene.height / 2]) {
    this.scene.zoomAt(factor, pixel);
    this.invalidate();
  }

  fit() {
    this.scene.reset();
    this.invalidate();
  }

  pick(pixel) {
    const { scene } = this;
    const key = [
      scene.center,
      scene.zoom,
      scene.yaw,
      scene.pitch,
      scene.explode,
      this.level,
      scene.width,
      scene.height,
    ].join();
    return scene.pick(pixel, this.level, key);
  }

  hoverSoon() {
    if (this.hovering) return;
    this.hovering = requestAnimationFrame(() => {
      this.hovering = 0;
      this.hover(this.pick(this.pending));
    });
  }

  hover(region) {
    const { group } = this.model.level(this.level);
    if (region === this.hovered || (region >= 0 && this.hovered >= 0 && group[region] === group[this.hovered])) return;
    this.hovered = region;
    this.tell();
    this.refresh();
  }

  // Choose a region; from the one chosen before this is a step of a walk if they are neighbors.
  click(region) {
    const { model } = this;
    const { group } = model.level(this.level);
    const linked =
      region >= 0 && this.selected >= 0 && model.facets(this.level, group[this.selected]).across.has(group[region]);
    if (linked) this.walk.push(region);
    else if (region < 0 || this.selected < 0 || group[region] !== group[this.selected])
      this.walk = region < 0 ? [] : [region];
    this.selected = region;
    this.tell();
    this.refresh();
  }

  go(region) {
    this.click(region);
    this.hovered = -1;
    this.tell();
    this.show(region);
  }

  // Bring a region into sight.
  show(region) {
    const { scene } = this;
    if (scene.solid) return;
    const n = scene.centers[scene.group[region]];
    const [x, y] = scene.screen(n);
    if (x < 20 || y < 20 || x > scene.width - 20 || y > scene.height - 20) {
      scene.center = [n[0], n[1], 0];
      this.invalidate();
    }
  }

  // Walk across the facet that lies most in this direction.
  step(arrow) {
    const { model, scene } = this;
    if (this.selected < 0) {
      this.click(this.pick([scene.width / 2, scene.height / 2]));
      return;
    }
    const { group } = model.level(this.level);
    const own = group[this.selected];
    const here = scene.screen(scene.centers[own], this.selected);
    let best = { cosine: 0.2, region: -1 };
    for (const [g, facets] of model.facets(this.level, own).across) {
      const there = scene.solid ? scene.screen(scene.centers[g], model.facetNeighbor[facets[0]]) : this.middle(facets);
      if (!here || !there) continue;
      const d = [there[0] - here[0], there[1] - here[1]];
      const cosine = (d[0] * arrow[0] + d[1] * arrow[1]) / (Math.hypot(...d) || 1);
      if (cosine > best.cosine) best = { cosine, region: model.facetNeighbor[facets[0]] };
    }
    if (best.region >= 0) this.go(best.region);
  }

  // The middle of some facets of a flat picture, on the screen.
  middle(facets) {
    const { model, scene } = this;
    const points = [];
    for (const f of facets) {
      const i = model.facetRegion[f];
      for (let k = model.pointer[i]; k < model.pointer[i + 1]; k++)
        if (model.side[k] === f)
          for (const c of [model.cycle[k], model.cycle[k + 1 < model.pointer[i + 1] ? k + 1 : model.pointer[i]]])
            points.push(scene.screen(scene.normalized(model.corners.subarray(2 * c, 2 * c + 2))));
    }
    return points.length ? [0, 1].map((a) => points.reduce((sum, p) => sum + p[a], 0) / points.length) : null;
  }
}

async function start() {
  try {
    const model = await readModel();
    const page = new Page(model, new Scene($("base"), model));
    $("message").hidden = true;
    // for scripts: where a region is on the screen, and choosing one
    window.polyrelu = {
      head: model.head,
      screen: (region) => page.scene.screen(page.scene.centers[page.scene.group[region]], region),
      choose: (region) => page.go(region),
    };
    document.documentElement.dataset.ready = "yes";
  } catch (error) {
    $("message").textContent = `The regions cannot be shown: ${error.message}`;
    document.documentElement.dataset.ready = "failed";
    throw error;
  }
}

start();
