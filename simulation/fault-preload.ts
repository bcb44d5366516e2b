import { register } from 'node:module';

/** Imported ahead of a program (`node --import`) whose modules a fault is planted in; Node 20 has hooks off its main thread only. */
register('./fault-loader.js', import.meta.url);
