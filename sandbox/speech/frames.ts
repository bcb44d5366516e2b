/** Audio is judged in frames of this length. */
export const frameMs = 20;

/** Root mean square, of full scale 1, from which a frame counts as voiced: -44 dBFS. */
export const voicedRms = 0.0063;

/** Number of frequency bands that describe a frame. */
export const bandCount = 18;

const windowMs = 32;
/** Telephone band: it is there at every sample rate a recogniser is sent, and every speech codec keeps it. */
const [lowHz, highHz] = [150, 3_700];
/** Bands this far below a frame's loudest one (-40 dB) are taken for noise. */
const bandFloor = 1e-4;

/** What is kept of 20 ms of audio. */
export interface Frame {
  voiced: boolean;
  /** Log energy of each band less the frame's mean: the timbre, whatever the gain. */
  shape: Float32Array;
}

/** Root mean square of samples, of full scale 1. */
export function rootMeanSquare(samples: Int16Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return samples.length ? Math.sqrt(sum / samples.length) / 32_768 : 0;
}

/** Cuts 16-bit mono audio of any sample rate, arriving in pieces of any size, into frames. */
export class FrameAnalyser {
  readonly #hop: number;
  readonly #hann: Float32Array;
  readonly #edges: number[];
  readonly #transform: FourierTransform;
  /** The last `windowMs` before the frame's end; the oldest part belongs to the frame before. */
  readonly #window: Int16Array;
  #filled = 0;

  /** @param hopMs Time between frames; templates use a finer one than `frameMs`. */
  constructor(sampleRateHz: number, hopMs: number = frameMs) {
    this.#hop = Math.round((sampleRateHz * hopMs) / 1000);
    const size = Math.round((sampleRateHz * windowMs) / 1000);
    this.#window = new Int16Array(size);
    this.#hann = Float32Array.from({ length: size }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / size));
    this.#transform = new FourierTransform(2 ** Math.ceil(Math.log2(size)));
    const mel = (hz: number) => Math.log1p(hz / 700);
    const step = (mel(highHz) - mel(lowHz)) / bandCount;
    this.#edges = Array.from({ length: bandCount + 1 }, (_, band) => {
      const hz = 700 * Math.expm1(mel(lowHz) + band * step);
      return Math.round((hz * this.#transform.size) / sampleRateHz);
    });
  }

  /** Takes in samples and gives the frames they complete. */
  *frames(samples: Int16Array): Generator<Frame> {
    for (let at = 0; at < samples.length; ) {
      const piece = samples.subarray(at, at + this.#hop - this.#filled);
      this.#window.copyWithin(0, piece.length);
      this.#window.set(piece, this.#window.length - piece.length);
      this.#filled += piece.length;
      at += piece.length;
      if (this.#filled < this.#hop) return;
      this.#filled = 0;
      yield {
        voiced: rootMeanSquare(this.#window.subarray(-this.#hop)) >= voicedRms,
        shape: this.#shape(),
      };
    }
  }

  #shape(): Float32Array {
    const power = this.#transform.power(this.#window, this.#hann);
    const shape = new Float32Array(bandCount);
    let loudest = 0;
    for (let band = 0; band < bandCount; band++) {
      const [from = 0, to = 0] = [this.#edges[band], this.#edges[band + 1]];
      let energy = 0;
      for (let bin = from; bin < Math.max(to, from + 1); bin++) energy += power[bin] ?? 0;
      shape[band] = energy / Math.max(to - from, 1);
      loudest = Math.max(loudest, shape[band] ?? 0);
    }
    let mean = 0;
    for (let band = 0; band < bandCount; band++) {
      shape[band] = Math.log((shape[band] ?? 0) + loudest * bandFloor + Number.MIN_VALUE);
      mean += (shape[band] ?? 0) / bandCount;
    }
    for (let band = 0; band < bandCount; band++) shape[band] = (shape[band] ?? 0) - mean;
    return shape;
  }
}

/** Radix-2 fast Fourier transform (Cooley and Tukey, 1965) with tables and buffers made once. */
class FourierTransform {
  readonly size: number;
  readonly #cosine: Float64Array;
  readonly #sine: Float64Array;
  readonly #reversed: Uint16Array;
  readonly #real: Float64Array;
  readonly #imaginary: Float64Array;

  constructor(size: number) {
    this.size = size;
    this.#cosine = Float64Array.from({ length: size / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / size));
    this.#sine = Float64Array.from({ length: size / 2 }, (_, k) => -Math.sin((2 * Math.PI * k) / size));
    const bits = Math.log2(size);
    this.#reversed = Uint16Array.from({ length: size }, (_, index) => {
      let reversed = 0;
      for (let bit = 0; bit < bits; bit++) if (index & (1 << bit)) reversed |= 1 << (bits - 1 - bit);
      return reversed;
    });
    this.#real = new Float64Array(size);
    this.#imaginary = new Float64Array(size);
  }

  /** Power per bin of weighted samples, padded with zeros; the result is valid until the next call. */
  power(samples: Int16Array, weights: Float32Array): Float64Array {
    const [real, imaginary, size] = [this.#real, this.#imaginary, this.size];
    for (let n = 0; n < size; n++) {
      real[this.#reversed[n] as number] = (samples[n] ?? 0) * (weights[n] ?? 0);
    }
    imaginary.fill(0);
    for (let half = 1; half < size; half *= 2) {
      for (let start = 0; start < size; start += 2 * half) {
        for (let k = 0; k < half; k++) {
          const turn = (k * size) / (2 * half);
          const [cosine, sine] = [this.#cosine[turn] as number, this.#sine[turn] as number];
          const [top, bottom] = [start + k, start + k + half];
          const re = (real[bottom] as number) * cosine - (imaginary[bottom] as number) * sine;
          const im = (real[bottom] as number) * sine + (imaginary[bottom] as number) * cosine;
          real[bottom] = (real[top] as number) - re;
          imaginary[bottom] = (imaginary[top] as number) - im;
          real[top] = (real[top] as number) + re;
          imaginary[top] = (imaginary[top] as number) + im;
        }
      }
    }
    for (let bin = 0; bin <= size / 2; bin++) {
      real[bin] = (real[bin] as number) ** 2 + (imaginary[bin] as number) ** 2;
    }
    return real;
  }
}
