import { randomUUID } from 'node:crypto';
import { Cron } from 'croner';
import type { ProgrammingModel, RegisteredFunction } from './contract.ts';
import { findTrigger } from './http-routes.ts';
import { writeLog } from './host-log.ts';
import { invoke } from './invocation.ts';

export interface TimerTriggers {
  /** Runs a function once, now, whatever its schedule. Rejects with what it threw. */
  run(functionName: string): Promise<void>;
  /** Ends the schedules and waits for the runs under way. */
  stop(): Promise<void>;
}

interface Timer {
  readonly function: RegisteredFunction;
  readonly triggerName: string;
  readonly schedule: Cron;
  readonly runOnStartup: boolean;
}

/**
 * Starts the schedules, unless told otherwise, of all functions that have a timer trigger. A run
 * never overlaps the one before.
 */
export function startTimerTriggers(
  functions: Iterable<RegisteredFunction>,
  model: ProgrammingModel,
  schedules = true,
): TimerTriggers {
  const timers = [...functions].map(toTimer).filter((timer) => timer !== undefined);
  const running = new Map<Timer, Promise<void>>();

  function run(timer: Timer): Promise<void> {
    const run = runTimer(timer, model).finally(() => running.delete(timer));
    running.set(timer, run);
    return run;
  }
  function runLogged(timer: Timer): void {
    if (running.has(timer)) return;
    run(timer).catch((error: unknown) => {
      const { name } = timer.function.metadata;
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      writeLog('error', 'system', `Timer "${name}" failed: ${reason}`);
    });
  }

  if (schedules) {
    for (const timer of timers) {
      timer.schedule.schedule(() => runLogged(timer));
      if (timer.runOnStartup) runLogged(timer);
    }
  }

  return {
    async run(functionName) {
      const timer = timers.find((each) => each.function.metadata.name === functionName);
      if (timer === undefined) throw new Error(`No function "${functionName}" has a timer.`);
      await run(timer);
    },
    async stop() {
      for (const { schedule } of timers) schedule.stop();
      await Promise.allSettled(running.values());
    },
  };
}

function toTimer(each: RegisteredFunction): Timer | undefined {
  const trigger = findTrigger(each, 'timerTrigger');
  if (trigger === undefined) return undefined;
  const [triggerName, binding] = trigger;
  return {
    function: each,
    triggerName,
    schedule: parseSchedule(binding.schedule ?? '', each.metadata.name),
    runOnStartup: binding.runOnStartup ?? false,
  };
}

/** An NCRONTAB expression of five or six fields in UTC; `%NAME%` stands for an app setting. */
function parseSchedule(schedule: string, functionName: string): Cron {
  const expression = schedule.replace(
    /%([^%]+)%/g,
    (_, setting: string) => process.env[setting] ?? '',
  );
  try {
    // NCRONTAB wants both of day and weekday to hold, where cron is content with one.
    return new Cron(expression, { timezone: 'UTC', domAndDow: true, unref: true });
  } catch (cause) {
    throw new Error(`Bad schedule "${schedule}" of function "${functionName}".`, { cause });
  }
}

async function runTimer(timer: Timer, model: ProgrammingModel): Promise<void> {
  const { metadata } = timer.function;
  const now = new Date().toISOString();
  const next = timer.schedule.nextRun()?.toISOString() ?? null;
  const json = JSON.stringify({
    Schedule: { AdjustForDST: true },
    ScheduleStatus: { Last: now, LastUpdated: now, Next: next },
    IsPastDue: false,
  });
  await invoke(model, timer.function, {
    invocationId: randomUUID(),
    functionId: metadata.functionId ?? metadata.name,
    inputData: [{ name: timer.triggerName, data: { json } }],
    triggerMetadata: {},
    traceContext: {},
    retryContext: null,
  });
}
