import type { Counter, Gauge, Histogram, Metrics } from '../core/metrics.ts';

/** What a process that runs jobs tells of them; every series has the label `job`. */
export interface JobMetrics {
  queued: Counter;
  started: Counter;
  completed: Counter;
  failed: Counter;
  dead: Counter;
  durationSeconds: Histogram;
  waiting: Gauge;
  deadLetters: Gauge;
}

/** From a look-up to an export of years. */
const durationBoundsSeconds = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300];

/** Adds the jobs' metrics to those of the process. */
export function createJobMetrics(metrics: Metrics): JobMetrics {
  return {
    queued: metrics.counter('parley_jobs_queued_total', 'Jobs that handlers of this process queued.'),
    started: metrics.counter('parley_jobs_started_total', 'Runs of jobs that this process began.'),
    completed: metrics.counter('parley_jobs_completed_total', 'Runs that did their work.'),
    failed: metrics.counter('parley_jobs_failed_total', 'Runs that failed, tried again or not.'),
    dead: metrics.counter('parley_jobs_dead_total', 'Runs that failed and were the last try.'),
    durationSeconds: metrics.histogram('parley_jobs_duration_seconds', 'How long runs took.', durationBoundsSeconds),
    waiting: metrics.gauge('parley_jobs_waiting', 'Jobs in the queue, of all processes, as of the last look.'),
    deadLetters: metrics.gauge('parley_jobs_dead_letters', 'Jobs that were given up and wait for an operator.'),
  };
}
