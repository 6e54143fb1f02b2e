// Draws the signals: for each channel the range from least to greatest value in each column.

const HEADROOM = 0.42; // share of a lane that the greatest value may take, up or down
const FAST = 0.35, SLOW = 0.04; // how fast the scale follows greater and smaller signals, per frame

export class Signals {
  constructor(canvas, channels, columns) {
    this.canvas = canvas;
    this.channels = channels;
    this.columns = columns;
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

  draw() {
    const { canvas, channels, columns, values } = this;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
    if (!width || !height) return;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    this.follow();
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    this.grid(context, width, height, ratio);
    const lane = height / channels, gain = (HEADROOM * lane) / (this.range || 1), step = width / columns;
    const thick = Math.max(1, ratio);
    const style = getComputedStyle(canvas);
    const colours = [style.getPropertyValue("--signal-1"), style.getPropertyValue("--signal-2")];
    for (let channel = 0; channel < channels; channel++) {
      const middle = (channel + 0.5) * lane, top = channel * lane + 1, bottom = (channel + 1) * lane - 1;
      const offset = this.offsets[channel];
      const place = (value) => Math.min(bottom, Math.max(top, middle - (value - offset) * gain));
      context.fillStyle = colours[channel % 2];
      context.beginPath();
      for (let begin = 0; begin < columns; begin++) {
        if (Number.isNaN(values[(begin * channels + channel) * 2])) continue;
        let stop = begin;
        while (stop < columns && !Number.isNaN(values[(stop * channels + channel) * 2])) stop++;
        for (let column = begin; column < stop; column++) {
          const x = column * step, y = place(values[(column * channels + channel) * 2 + 1]) - thick / 2;
          if (column === begin) context.moveTo(x, y);
          else context.lineTo(x, y);
        }
        for (let column = stop - 1; column >= begin; column--) {
          context.lineTo((column + 1) * step, place(values[(column * channels + channel) * 2]) + thick / 2);
        }
        context.closePath();
        begin = stop;
      }
      context.fill();
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

  grid(context, width, height, ratio) {
    const style = getComputedStyle(this.canvas), lane = height / this.channels;
    context.fillStyle = style.getPropertyValue("--line");
    for (let channel = 1; channel < this.channels; channel++) {
      context.fillRect(0, Math.round(channel * lane), width, ratio);
    }
    for (let second = 1; second < this.seconds; second++) {
      context.fillRect(Math.round((width * second) / this.seconds), 0, ratio, height);
    }
  }
}

/** Returns a number with two significant digits, as `0.35` or `1200`. */
export function short(value) {
  return value ? Number(value.toPrecision(2)).toString() : "0";
}
