// Colors and texts: what every part of the page writes with.

const $ = (id) => document.getElementById(id);
const MODES = {
  pattern: "Pattern",
  affine: "Affine map",
  value: "Value",
  gradient: "Gradient norm",
  volume: "Volume",
  layers: "Layers",
};
const VOLUMES = ["Length", "Area", "Volume"];
const KEYS = [
  "Drag to move (three inputs: to turn; with Shift to move), wheel or pinch to zoom, double click to zoom in.",
  "Click: choose a region; click a neighbor: walk there.",
  "Arrow keys: walk to the neighbor in that direction. Shift and arrows: move the picture.",
  "+ and -: zoom. 0: everything. Escape: choose nothing. Enter: choose the region in the middle.",
  "[ and ]: layers. < and >: explode. c: next colors. e: facets. g: graph. t: light or dark.",
].join("\n");

const MAPS = {
  light: ["#dbe5f1", "#f2dfc4", "#b9d3c8", "#e9c3bd", "#b7bfdb", "#f5f1da"],
  dark: ["#33475e", "#6a5638", "#2b5a4d", "#6b4340", "#474f80", "#5b5a44"],
};

// -- colors -----------------------------------------------------------------------------
function oklab(L, a, b) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((v) => {
    const c = Math.min(Math.max(v, 0), 1);
    return c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055;
  });
}

const bytes = (rgb, alpha = 1) => [...rgb, alpha].map((v) => Math.round(255 * v));
const css = (rgb, alpha = 1) => `rgb(${bytes(rgb).slice(0, 3).join(" ")} / ${alpha})`;
const unhex = (text) => [1, 3, 5].map((k) => parseInt(text.slice(k, k + 2), 16) / 255);

// Blue to yellow, dark to light: ordered by lightness alone, so that every eye reads it.
const ramp = (dark, t) =>
  oklab((dark ? 0.22 : 0.5) + (dark ? 0.56 : 0.47) * t, -0.01 - 0.02 * t, (dark ? -0.09 : -0.12) + 0.24 * t);

// A gradient pressed into the unit ball: first coordinate blue to yellow, second dark to light, third green to red.
function ballColor(dark, [u, v, w]) {
  return oklab((dark ? 0.45 : 0.87) + 0.1 * (v || 0), -0.035 * (v || 0) + 0.09 * (w || 0), 0.1 * u);
}

function layerColor(dark, layer, layers) {
  const t = layers > 1 ? layer / (layers - 1) : 0;
  const hue = ((272 + 133 * t) * Math.PI) / 180;
  const chroma = 0.13 + 0.05 * Math.sin((Math.PI * t) / 2);
  return oklab(
    dark ? 0.9 - 0.22 * t : 0.3 + 0.38 * t,
    (dark ? 0.75 : 1) * chroma * Math.cos(hue),
    chroma * Math.sin(hue),
  );
}

// -- numbers ----------------------------------------------------------------------------
const short = (v) => String(Number(Number(v).toPrecision(6)));
const thousands = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");
const plural = (n, word) => `${thousands(n)} ${word}${n === 1 ? "" : "s"}`;

// "2 x0 - x1 + 0.5" of coefficients that are numbers or Fractions, written by show.
function affineText(coefficients, names, show) {
  let text = "";
  coefficients.forEach((v, k) => {
    let word = show(v);
    if (word === "0") return;
    const minus = word[0] === "-";
    if (minus) word = word.slice(1);
    if (k < names.length) word = word === "1" ? names[k] : `${word} ${names[k]}`;
    text += text ? (minus ? " - " : " + ") + word : (minus ? "-" : "") + word;
  });
  return text || "0";
}

function element(tag, text, options = {}) {
  const node = Object.assign(document.createElement(tag), options);
  node.append(text);
  return node;
}

// Exact numbers: written out when they are short, else folded away.
function exactNode(text) {
  if (text.length <= 60) return element("div", `= ${text}`, { className: "exact number" });
  const node = element("details", "");
  const digits = Math.max(...text.match(/\d+/g).map((word) => word.length));
  node.append(element("summary", `exactly: up to ${thousands(digits)} digits`), element("pre", text));
  return node;
}
