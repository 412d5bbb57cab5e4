// The programs of the graphics card: filled shapes, lines of any thickness, dots.

const TEXTURE_WIDTH = 2048;

const SHARED = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2D;
uniform mat4 matrix;
uniform vec3 eyeHigh, eyeLow;
uniform float explode;
uniform sampler2D centers;
ivec2 texel(uint id) { return ivec2(int(id % ${TEXTURE_WIDTH}u), int(id / ${TEXTURE_WIDTH}u)); }
vec3 moved(vec3 high, vec3 low, uint id) {
  return (high - eyeHigh) + (low - eyeLow) + explode * texelFetch(centers, texel(id), 0).xyz;
}`;

const FILL_VERTEX = `${SHARED}
in vec3 high, low;
in uint id;
in float layer, value;
uniform sampler2D colors;
flat out vec4 color;
flat out uint region;
flat out float facetLayer;
out float t;
out vec3 place;
void main() {
  place = moved(high, low, id);
  gl_Position = matrix * vec4(place, 1.0);
  color = texelFetch(colors, texel(id), 0);
  region = id;
  facetLayer = layer;
  t = value;
}`;

const FILL_FRAGMENT = `#version 300 es
precision highp float;
precision highp int;
uniform int mode;  // 0 color of the region, 1 ramp, 2 color of the layer, 3 number of the region
uniform bool solid;
uniform sampler2D ramp, layerColors;
flat in vec4 color;
flat in uint region;
flat in float facetLayer;
in float t;
in vec3 place;
out vec4 result;
void main() {
  if (mode == 3) {
    uint n = region + 1u;
    result = vec4(float(n & 255u), float((n >> 8) & 255u), float((n >> 16) & 255u), 255.0) / 255.0;
    return;
  }
  result = color;
  if (mode == 1) result = texture(ramp, vec2(clamp(t, 0.0, 1.0) * (255.0 / 256.0) + 0.5 / 256.0, 0.5));
  if (mode == 2) result = texelFetch(layerColors, ivec2(int(facetLayer), 0), 0);
  if (solid) {
    vec3 normal = normalize(cross(dFdx(place), dFdy(place)));
    float light = 0.62 + 0.38 * abs(dot(normal, normalize(vec3(0.35, -0.55, 0.76))));
    result.rgb *= light;
  }
}`;

const LINE_VERTEX = `${SHARED}
uniform usampler2D lines;  // two corners and a region; two regions in the graph
uniform sampler2D highs, lows;
uniform vec2 pixels;
uniform float thickness, lift;
uniform bool graph, flatView, hairlines;
out float across;
vec3 end(uint number, uint region) {
  if (graph) return (1.0 + explode) * texelFetch(centers, texel(number), 0).xyz - eyeHigh - eyeLow;
  return moved(texelFetch(highs, texel(number), 0).xyz, texelFetch(lows, texel(number), 0).xyz, region);
}
void main() {
  uvec4 line = texelFetch(lines, texel(uint(gl_VertexID / (hairlines ? 2 : 6))), 0);
  vec3 a = end(line.x, line.z), b = end(line.y, line.z);
  vec4 p = matrix * vec4(a, 1.0), q = matrix * vec4(b, 1.0);
  if (!flatView) {  // the part before the eye
    float near = 0.01;
    if (p.w < near && q.w < near) { gl_Position = vec4(2.0, 2.0, 2.0, 1.0); return; }
    if (p.w < near) p = mix(q, p, (q.w - near) / (q.w - p.w));
    if (q.w < near) q = mix(p, q, (p.w - near) / (p.w - q.w));
  }
  vec2 s = p.xy / p.w * pixels, e = q.xy / q.w * pixels;
  vec2 along = e - s;
  if (flatView) {  // what is near the picture: far ends have few digits left
    float enters = 0.0, leaves = 1.0;
    for (int k = 0; k < 2; k++) {
      float a = (-4.0 * pixels[k] - s[k]) / along[k], b = (4.0 * pixels[k] - s[k]) / along[k];
      if (along[k] == 0.0) continue;
      enters = max(enters, min(a, b));
      leaves = min(leaves, max(a, b));
    }
    if (enters > leaves) { gl_Position = vec4(2.0, 2.0, 2.0, 1.0); return; }
    s += enters * along;
    e -= (1.0 - leaves) * along;
    along = e - s;
  }
  float size = length(along);
  along = size > 0.0 ? along / size : vec2(1.0, 0.0);
  vec2 normal = vec2(-along.y, along.x);
  // two triangles: 0 1 2 and 2 1 3, where 2 and 3 are at the second end
  int corner = hairlines ? 2 * (gl_VertexID & 1) : gl_VertexID % 6;
  if (!hairlines && corner > 2) corner = corner == 3 ? 2 : corner == 4 ? 1 : 3;
  bool second = corner >= 2;
  float sign = (corner & 1) == 0 ? -1.0 : 1.0;
  vec4 tip = second ? q : p;
  float radius = hairlines ? 0.0 : 0.5 * thickness + 0.5;
  across = sign * radius;
  float longer = hairlines ? 0.0 : 0.25 * thickness;
  vec2 at = (second ? e + longer * along : s - longer * along) + sign * radius * normal;
  gl_Position = vec4(at / pixels * tip.w, tip.z - lift * tip.w, tip.w);
}`;

const LINE_FRAGMENT = `#version 300 es
precision highp float;
uniform vec4 color;
uniform float thickness;
in float across;
out vec4 result;
void main() {
  float cover = clamp(0.5 * thickness + 0.5 - abs(across), 0.0, 1.0) * min(thickness, 1.0);
  result = vec4(color.rgb, color.a * cover);
}`;

const DOT_VERTEX = `${SHARED}
in uint id;
uniform float size, lift;
void main() {
  vec3 p = (1.0 + explode) * texelFetch(centers, texel(id), 0).xyz - eyeHigh - eyeLow;
  gl_Position = matrix * vec4(p, 1.0);
  gl_Position.z -= lift * gl_Position.w;
  gl_PointSize = size;
}`;

const DOT_FRAGMENT = `#version 300 es
precision highp float;
uniform vec4 color;
uniform float size;
out vec4 result;
void main() {
  float r = length(gl_PointCoord - 0.5) * size;
  result = vec4(color.rgb, color.a * clamp(0.5 * size - r, 0.0, 1.0));
}`;
