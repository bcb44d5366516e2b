import { bandCount, FrameAnalyser } from './frames.ts';
import type { Line } from './lines.ts';

/** Templates are twice as fine as frames, so that a frame finds its match whatever its phase. */
export const templateHopMs = 10;

/** One line as the matcher sees it: its rows in the library's common table. */
export interface Template {
  line: Line;
  /** First row, and the row after the last one. */
  from: number;
  to: number;
}

/** Every known line, ready to be compared with audio. Made once, shared by all connections. */
export class SpeechLibrary {
  readonly templates: Template[] = [];
  /** Row after row of `bandCount` numbers of unit length; an unvoiced row is all zeros. */
  readonly rows: Float32Array;
  readonly voiced: boolean[] = [];
  /** Mean shape of all lines: what every voice has in common tells no words apart. */
  readonly #common = new Float32Array(bandCount);

  constructor(lines: readonly Line[]) {
    const shapes: Float32Array[] = [];
    for (const line of lines) {
      const from = shapes.length;
      for (const frame of new FrameAnalyser(line.sampleRateHz, templateHopMs).frames(line.samples)) {
        shapes.push(frame.shape);
        this.voiced.push(frame.voiced);
      }
      this.templates.push({ line, from, to: shapes.length });
    }
    const voicedShapes = shapes.filter((_, row) => this.voiced[row]);
    for (let band = 0; band < bandCount; band++) {
      for (const shape of voicedShapes)
        this.#common[band] = at(this.#common, band) + at(shape, band) / voicedShapes.length;
    }
    this.rows = new Float32Array(shapes.length * bandCount);
    for (const [row, shape] of shapes.entries()) {
      if (this.voiced[row]) this.rows.set(this.direction(shape), row * bandCount);
    }
  }

  /** What is particular about a shape, as a vector of unit length. */
  direction(shape: Float32Array): Float32Array {
    const particular = shape.map((value, band) => value - at(this.#common, band));
    const length = Math.hypot(...particular) || 1;
    return particular.map((value) => value / length);
  }

  /** Writes how alike each template row and a `direction` are, from -1 to 1; 0 for an unvoiced row. */
  likenesses(direction: Float32Array, ofRows: Float32Array): void {
    const { rows } = this;
    // This is most of what listening costs: nothing is looked up in here that can be looked up before.
    const { length: bands } = direction;
    for (let row = 0, cell = 0; row < ofRows.length; row++) {
      let sum = 0;
      for (let band = 0; band < bands; band++, cell++) sum += (rows[cell] as number) * (direction[band] as number);
      ofRows[row] = sum;
    }
  }
}

function at(numbers: Float32Array, index: number): number {
  return numbers[index] as number;
}
