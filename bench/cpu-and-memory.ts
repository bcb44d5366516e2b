import { readdirSync, readFileSync } from 'node:fs';

/** Ticks a second of the times in `/proc/<pid>/stat`; Linux shows 100 to programs on every common architecture (proc(5)). */
const ticksPerSecond = 100;

/** What processes have cost so far. */
export interface Usage {
  cpuSeconds: number;
  /** Proportional set size: memory shared by n processes counts for 1/n in each. */
  memoryMb: number;
}

/**
 * CPU and memory of whole process groups (`startProcess` gives each program one), children that have ended included as far as
 * their parents have waited for them.
 * @throws Error where there is no `/proc`, which only Linux has
 */
export function usageOf(groups: readonly number[]): Usage {
  let ticks = 0;
  let kilobytes = 0;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = read(`/proc/${entry}/stat`);
    // The name, in parentheses, may hold blanks and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (!groups.includes(Number(fields[2]))) continue;
    ticks += [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field] ?? 0), 0);
    kilobytes += Number(/^Pss:\s+(\d+) kB/m.exec(read(`/proc/${entry}/smaps_rollup`))?.[1] ?? 0);
  }
  return { cpuSeconds: ticks / ticksPerSecond, memoryMb: kilobytes / 1024 };
}

/** Empty for a process that has just ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
