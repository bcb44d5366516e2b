import { describe, expect, it } from 'vitest';
import { Metrics } from '../../core/metrics.ts';

describe('metrics', () => {
  it('are written as Prometheus reads them', () => {
    const metrics = new Metrics();
    const done = metrics.counter('parley_done_total', 'What was done.');
    done.add({ job: 'mail' });
    done.add({ job: 'mail' }, 2);
    done.add({ job: 'say "\\hi"\n' });
    const waiting = metrics.gauge('parley_waiting', 'What waits.');
    waiting.set({}, 5);
    waiting.set({}, 3);
    const duration = metrics.histogram('parley_duration_seconds', 'How long it took.', [0.1, 1]);
    for (const seconds of [0.05, 0.1, 0.5, 1.5]) duration.observe({ job: 'mail' }, seconds);
    metrics.counter('parley_never_total', 'What never happened.');
    expect(metrics.render()).toBe(
      [
        '# HELP parley_done_total What was done.',
        '# TYPE parley_done_total counter',
        'parley_done_total{job="mail"} 3',
        'parley_done_total{job="say \\"\\\\hi\\"\\n"} 1',
        '# HELP parley_waiting What waits.',
        '# TYPE parley_waiting gauge',
        'parley_waiting 3',
        '# HELP parley_duration_seconds How long it took.',
        '# TYPE parley_duration_seconds histogram',
        'parley_duration_seconds_bucket{job="mail",le="0.1"} 2',
        'parley_duration_seconds_bucket{job="mail",le="1"} 3',
        'parley_duration_seconds_bucket{job="mail",le="+Inf"} 4',
        'parley_duration_seconds_sum{job="mail"} 2.15',
        'parley_duration_seconds_count{job="mail"} 4',
        '# HELP parley_never_total What never happened.',
        '# TYPE parley_never_total counter',
        '',
      ].join('\n'),
    );
  });

  it('have one name each', () => {
    const metrics = new Metrics();
    metrics.gauge('parley_waiting', 'What waits.');
    expect(() => metrics.counter('parley_waiting', 'What waits.')).toThrow('there is a metric parley_waiting already');
  });
});
