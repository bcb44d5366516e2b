import type { OpenTelemetryConfig } from '../../core/config/worker.ts';
import type { VendorHealth } from '../../providers/fallback/health.ts';
import { TelemetryReporter } from './reporter.ts';
import type { TurnSpans } from './turn-spans.ts';

/** What a job process tells of its call. */
export interface JobTelemetry {
  /** To the metrics of its worker. */
  reporter: TelemetryReporter;
  /** To a receiver of OpenTelemetry, where there is one. */
  spans: TurnSpans | undefined;
  /** Sends what is left; takes 2 s at most. */
  close(): Promise<void>;
}

/** Opens them; `path` is the worker's socket. What the job learns about vendors is shared from here on. */
export async function openTelemetry(
  path: string | undefined,
  { health, config }: { health: VendorHealth; config: OpenTelemetryConfig | undefined },
): Promise<JobTelemetry> {
  const reporter = new TelemetryReporter({ path });
  reporter.share(health);
  // Loaded for those who collect traces: every call pays for what it loads.
  const spans = config && new (await import('./turn-spans.ts')).TurnSpans(config);
  return {
    reporter,
    spans,
    async close() {
      await Promise.all([reporter.close(), spans?.close()]);
    },
  };
}
