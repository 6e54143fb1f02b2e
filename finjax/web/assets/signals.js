// Draws the signals: for each channel the range from least to greatest value in each column.

const HEADROOM = 0.42; // share of a lane that the greatest value may take, up or down
const FAST = 0.35, SLOW = 0.04; // how fast the scale follows greater and smaller signals, per frame

export class Signals {
  constructor(canvas, channels, columns, seconds) {
    this.canvas = canvas;
    this.channels = channels;
    this.columns = columns;
    this.seconds = seconds;
    this.values = new Float32Array(columns * channels * 2).fill(NaN);
    this.end = 0; // number of the column after the newest
    this.range = 0; // what a lane shows, up or down
    this.offsets = new Float32Array(channels);
  }

  /** Adds columns, base64 of float32 `[n, C, 2]`; `first` is the number of the first. */
  add(first, text, end) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const values = new Float32Array(bytes.buffer);
    const size = this.channels * 2;
    const moved = Math.min(this.columns, first < this.end || end < this.end ? this.columns : end - this.end);
    this.values.copyWithin(0, moved * size);
    this.values.fill(NaN, this.values.length - moved * size);
    const kept = values.subarray(Math.max(0, values.length - this.values.length));
    this.values.set(kept, this.values.length - kept.length);
    this.end = end;
  }

  /** Draws into the pixels of an image: without a GPU, a browser takes ten times as long for the same as paths. */
  draw() {
    const { canvas, channels } = this;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
    if (!width || !height) return;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!this.image || canvas.width !== width || canvas.height !== height) {
      Object.assign(canvas, { width, height });
      this.image = context.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
      this.colours = ["--signal-1", "--signal-2", "--line"].map((name) => pixelOf(canvas, name));
    }
    this.follow();
    this.pixels.fill(0);
    this.grid(width, height);
    for (let channel = 0; channel < channels; channel++) this.trace(channel, width, height, Math.ceil(ratio));
    context.putImageData(this.image, 0, 0);
  }

  /** Draws a channel: in each column of pixels a line from the least to the greatest value. */
  trace(channel, width, height, thick) {
    const { channels, columns, values, pixels } = this;
    const lane = height / channels, gain = (HEADROOM * lane) / (this.range || 1), offset = this.offsets[channel];
    const middle = (channel + 0.5) * lane, colour = this.colours[channel % 2];
    const top = Math.ceil(channel * lane) + 1, bottom = Math.floor((channel + 1) * lane) - 1 - thick;
    const place = (value) => Math.round(Math.min(bottom, Math.max(top, middle - (value - offset) * gain)));
    let upperBefore = NaN, lowerBefore = NaN;
    for (let x = 0; x < width; x++) {
      // A narrow canvas has several columns in each column of pixels: none may be left out.
      const begin = Math.floor((x * columns) / width), end = Math.max(begin + 1, Math.floor(((x + 1) * columns) / width));
      let least = Infinity, greatest = -Infinity;
      for (let column = begin; column < end; column++) {
        const at = (column * channels + channel) * 2;
        if (values[at] < least) least = values[at];
        if (values[at + 1] > greatest) greatest = values[at + 1];
      }
      if (least > greatest) {
        upperBefore = lowerBefore = NaN; // nothing but gaps
        continue;
      }
      const upper = place(greatest), lower = place(least);
      // A step from one column to the next is joined, so that slow signals are lines.
      const first = lowerBefore < upper ? lowerBefore : upper, last = upperBefore > lower ? upperBefore : lower;
      for (let y = first; y < last + thick; y++) pixels[y * width + x] = colour;
      [upperBefore, lowerBefore] = [upper, lower];
    }
  }

  /** Follows the offset of each channel, and the scale that all share. */
  follow() {
    const { channels, columns, values } = this;
    const ranges = [];
    for (let channel = 0; channel < channels; channel++) {
      let sum = 0, count = 0;
      for (let at = channel * 2; at < values.length; at += channels * 2) {
        if (Number.isNaN(values[at])) continue;
        sum += (values[at] + values[at + 1]) / 2;
        count++;
      }
      if (!count) continue;
      const offset = (this.offsets[channel] = sum / count);
      let range = 0;
      for (let at = channel * 2; at < values.length; at += channels * 2) {
        if (Number.isNaN(values[at])) continue;
        range = Math.max(range, values[at + 1] - offset, offset - values[at]);
      }
      ranges.push(range);
    }
    if (!ranges.length) return;
    ranges.sort((a, b) => a - b);
    // Not the greatest, which is cut off: one bad electrode must not make all others small.
    const wanted = ranges[Math.floor(0.6 * (ranges.length - 1))] || ranges[ranges.length - 1];
    if (!this.range) this.range = wanted;
    else this.range += (wanted - this.range) * (wanted > this.range ? FAST : SLOW);
  }

  /** Draws lines between the lanes and at every second. */
  grid(width, height) {
    const { channels, pixels, seconds } = this, line = this.colours[2];
    for (let channel = 1; channel < channels; channel++) {
      const y = Math.round((channel * height) / channels);
      pixels.fill(line, y * width, (y + 1) * width);
    }
    for (let second = 1; second < seconds; second++) {
      for (let at = Math.round(width * (1 - second / seconds)); at < pixels.length; at += width) pixels[at] = line;
    }
  }
}

/** Returns a colour of the style sheet as a pixel of an image. */
function pixelOf(canvas, name) {
  const [red, green, blue] = getComputedStyle(canvas).getPropertyValue(name).trim().match(/[0-9a-f]{2}/gi);
  return new Uint32Array(Uint8Array.from([red, green, blue, "ff"], (pair) => parseInt(pair, 16)).buffer)[0];
}

/** Returns a number with two significant digits, as `0.35` or `1200`. */
export function short(value) {
  return value ? Number(value.toPrecision(2)).toString() : "0";
}
