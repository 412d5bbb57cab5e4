// What is told of a region: under the pointer in floats, exactly when it is chosen or the network is small.

class Panel {
  constructor(page) {
    this.page = page;
    this.model = page.model;
    this.memory = new Map();
    $("volume-title").textContent = VOLUMES[this.model.d - 1];
    $("region").addEventListener("click", (event) => {
      const region = event.target.dataset.region;
      if (region !== undefined) page.go(Number(region));
    });
  }

  // Small networks are evaluated exactly under the pointer, larger ones when a region is chosen.
  exact(region) {
    const { model } = this;
    if (!model.exact || (region !== this.page.selected && model.exact.weights > 4096)) return null;
    if (!this.memory.has(region)) {
      if (this.memory.size > 200) this.memory.clear();
      this.memory.set(region, model.describe(region));
    }
    return this.memory.get(region);
  }

  tell() {
    const { model } = this;
    const region = this.page.hovered >= 0 ? this.page.hovered : this.page.selected;
    $("region-facts").hidden = region < 0;
    $("region-hint").hidden = region >= 0;
    $("region-state").textContent = "";
    if (region < 0) {
      $("region-name").textContent = "No region";
      return;
    }
    const { group, start } = model.level(this.page.level);
    const g = group[region];
    const whole = this.page.level === model.layers;
    const chosen = this.page.selected >= 0 && group[this.page.selected] === g;
    $("region-name").textContent = whole
      ? `Region ${region}`
      : `Region ${g} of ${["no layer", "the first layer"][this.page.level] || `the first ${this.page.level} layers`}`;
    $("region-state").textContent = chosen ? "chosen" : "under the pointer";
    this.tellPattern(region);
    this.tellMap(region, whole, start[g + 1] - start[g], chosen);
    this.tellVolume(region, whole, start[g], start[g + 1], chosen);
    this.tellPoint(region, whole, start[g], start[g + 1], chosen);
    this.tellNeighbors(g);
    const shown = this.page.walk.length > 1;
    $("walk-title").hidden = $("region-walk").hidden = !shown;
    $("region-walk").textContent = shown
      ? this.page.walk
          .slice(-12)
          .map((i) => group[i])
          .join(" \u2192 ")
      : "";
  }

  tellPattern(region) {
    const { model } = this;
    const bits = model.bits(region);
    const compare = this.page.selected >= 0 && this.page.selected !== region ? model.bits(this.page.selected) : bits;
    const rows = model.widths.slice(0, this.page.level).map((width, layer) => {
      const row = element("div", "", { className: "pattern" });
      const code = document.createElement("code");
      const first = model.ends[layer] - width;
      for (let k = 0; k < width; k += 10) {
        const ten = document.createElement("span");
        for (let j = first + k; j < first + Math.min(k + 10, width); j++)
          ten.append(
            bits[j] === compare[j]
              ? String(bits[j])
              : element("b", String(bits[j]), { title: `${model.neuronName(j)} differs from the chosen region` }),
          );
        code.append(ten);
      }
      const active = bits.subarray(first, first + width).reduce((a, b) => a + b, 0);
      row.append(
        element("span", String(layer + 1), { title: `layer ${layer + 1}: ${active} of ${width} active` }),
        code,
      );
      return row;
    });
    $("region-pattern").replaceChildren(...(rows.length ? rows : ["no neuron"]));
    $("pattern-title").textContent = this.page.level ? "Pattern, by layer" : "Pattern";
  }

  tellMap(region, whole, members, chosen) {
    const { model } = this;
    const place = $("region-map");
    if (!whole && members > 1) {
      $("map-title").textContent = "Affine map";
      place.replaceChildren(`one on each of the ${thousands(members)} regions in it`);
      return;
    }
    const { inputs } = model.head;
    const exact = this.exact(region);
    $("map-title").textContent = exact ? "Affine map" : "Affine map (float)";
    const nodes = [];
    for (let k = 0; k < model.m; k++) {
      const name = model.m > 1 ? `f${k}` : "f";
      const coefficients = exact ? exact.map[k] : model.map(region, k);
      const text = affineText(coefficients, inputs, short);
      nodes.push(element("div", `${name} = ${text}`, { className: "number" }));
      if (chosen && exact) {
        const digits = affineText(coefficients, inputs, String);
        if (digits !== text) nodes.push(exactNode(digits));
      }
    }
    place.replaceChildren(...nodes);
  }

  tellVolume(region, whole, from, to, chosen) {
    const { model } = this;
    const exact = whole || to - from === 1 ? this.exact(region) : null;
    const volume = exact && exact.volume;
    const name = VOLUMES[model.d - 1];
    $("volume-title").textContent = volume ? name : `${name} (float)`;
    const value = volume ? Number(volume) : model.volume(from, to);
    const nodes = [
      element("span", Number.isNaN(value) ? "not all of it is drawn" : short(value), { className: "number" }),
    ];
    if (volume && chosen && String(volume) !== short(value)) nodes.push(exactNode(String(volume)));
    $("region-volume").replaceChildren(...nodes);
  }

  tellPoint(region, whole, from, to, chosen) {
    const { model } = this;
    const single = whole || to - from === 1;
    const point = single ? model.point(region) : model.center(from, to);
    const text = `(${Array.from(point, short).join(", ")})`;
    const nodes = [element("span", text, { className: "number" })];
    if (single && chosen) {
      const exact = `(${model.exactPoint(region).join(", ")})`;
      if (exact !== text) nodes.push(exactNode(exact));
    }
    $("region-point").replaceChildren(...nodes);
  }

  tellNeighbors(g) {
    const { model } = this;
    const { across, rim } = model.facets(this.page.level, g);
    $("neighbors-title").textContent = `Neighbors (${thousands(across.size)})`;
    const list = document.createElement("ul");
    let rows = 0;
    for (const [other, facets] of across) {
      if ((rows += 1) > 200) break;
      const item = document.createElement("li");
      const button = element("button", String(other), { title: `Walk to region ${other}` });
      button.dataset.region = model.facetNeighbor[facets[0]];
      item.append(button, element("span", model.names(facets, this.page.level).join(", ")));
      list.append(item);
    }
    $("region-neighbors").replaceChildren(across.size ? list : "none");
    if (across.size > 200) $("region-neighbors").append(`and ${thousands(across.size - 200)} more`);
    const walls = model.names(
      rim.filter((f) => model.facetNeighbor[f] === WALL),
      this.page.level,
    );
    const open = model.names(
      rim.filter((f) => model.facetNeighbor[f] !== WALL),
      this.page.level,
    );
    const parts = [walls.join(", "), open.length ? `not explored beyond ${open.join(", ")}` : ""].filter(Boolean);
    $("walls-title").hidden = $("region-walls").hidden = !parts.length;
    $("region-walls").textContent = parts.join("; ");
  }
}
