/**
 * The metrics of a worker, by their names for Prometheus. Jobs observe them and the worker's process keeps them; labels are
 * vendors, models and the project's own words, never anything of a person.
 */

/** A number that only grows, one that goes up and down with its job, or a distribution. */
export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

/** Upper bounds of the buckets of all histograms, seconds. */
export const bucketsSeconds = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1, 1.25, 1.5, 2, 3, 5, 10];

/** Every metric that jobs observe. */
export const jobMetrics = {
  parley_active_calls: {
    type: 'gauge',
    help: 'Calls that are going on.',
    labels: [],
  },
  parley_turn_stage_seconds: {
    type: 'histogram',
    help: 'From the last sound of the person, or their typed message, to a stage of the answer; 0 where it was reached before.',
    labels: ['stage', 'vendor'],
  },
  parley_voice_to_voice_seconds: {
    type: 'histogram',
    help: 'From the last sound of the person, or their typed message, to the first of the answer.',
    labels: ['typed'],
  },
  parley_fallbacks_total: {
    type: 'counter',
    help: 'Vendors that were given up for another; "to" is empty where none was left.',
    labels: ['port', 'from', 'to', 'reason'],
  },
  parley_watchdog_total: {
    type: 'counter',
    help: 'Times a call went on by other means than it should have.',
    labels: ['kind'],
  },
  parley_interruptions_total: {
    type: 'counter',
    help: 'Answers that were talked over: ended for good, or resumed because nothing was said.',
    labels: ['outcome'],
  },
  parley_tokens_total: {
    type: 'counter',
    help: 'Tokens of language models. Cached ones are among those of the prompt.',
    labels: ['vendor', 'model', 'kind'],
  },
  parley_speech_characters_total: {
    type: 'counter',
    help: 'Characters that voices were given.',
    labels: ['vendor'],
  },
  parley_audio_seconds_total: {
    type: 'counter',
    help: 'Audio that recognisers heard and voices made.',
    labels: ['port', 'vendor'],
  },
  parley_cost_dollars_total: {
    type: 'counter',
    help: 'What vendors charged, estimated by their list prices; only models whose price is known.',
    labels: ['vendor', 'model'],
  },
  parley_speculations_total: {
    type: 'counter',
    help: 'Requests for replies that were begun ahead of the end of a turn: used or dropped.',
    labels: ['outcome'],
  },
  parley_mcp_calls_total: {
    type: 'counter',
    help: 'Calls of tools of MCP servers: done, failed, timeout, unreachable or cancelled.',
    labels: ['server', 'tool', 'outcome'],
  },
} as const satisfies Record<string, MetricDefinition>;

/** Name of a metric that jobs observe. */
export type JobMetric = keyof typeof jobMetrics;

/** Names of the metrics of one type. */
export type MetricOf<Type extends MetricDefinition['type']> = {
  [Name in JobMetric]: (typeof jobMetrics)[Name]['type'] extends Type ? Name : never;
}[JobMetric];

/** A value for each label of a metric. */
export type LabelsOf<Name extends JobMetric> = Readonly<Record<(typeof jobMetrics)[Name]['labels'][number], string>>;
