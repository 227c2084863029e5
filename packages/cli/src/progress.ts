import type { Io } from './io.ts';

/** How far something is. */
export interface Progress {
  /** `note` stands beside the bar: a loss, a rate. */
  update(done: number, note?: string): void;
  stop(): void;
}

/** A bar with rate and time left on a terminal; an occasional line elsewhere. */
export const startProgress = async (
  io: Io,
  {
    title,
    total,
    from = 0,
    unit,
    everySeconds = 15,
  }: { readonly title: string; readonly total: number; readonly from?: number; readonly unit: string; readonly everySeconds?: number },
): Promise<Progress> => {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const rate = (done: number): number => (done - from) / Math.max(1e-3, seconds());
  const left = (done: number): string => (done > from ? clock((total - done) / rate(done)) : '–');
  if (io.interactive) {
    const { default: cliProgress } = await import('cli-progress');
    const bar = new cliProgress.SingleBar(
      {
        format: '{title} {bar} {value}/{total} {unit}  {speed}/s  {left} left  {note}',
        barsize: 28,
        hideCursor: true,
        stream: process.stderr,
        clearOnComplete: false,
        fps: 8,
      },
      cliProgress.Presets.shades_grey,
    );
    const payload = (done: number, note: string) => ({ title, unit, note, speed: short(rate(done)), left: left(done) });
    bar.start(total, from, payload(from, ''));
    return {
      update: (done, note = '') => bar.update(done, payload(done, note)),
      stop: () => bar.stop(),
    };
  }
  let next = 0;
  return {
    update: (done, note = '') => {
      if (seconds() < next && done !== total) return;
      next = seconds() + everySeconds;
      io.stderr(
        `${title}: ${done}/${total} ${unit}${done > from ? `, ${short(rate(done))}/s, ${left(done)} left` : ''}${note === '' ? '' : `, ${note}`}\n`,
      );
    },
    stop: () => undefined,
  };
};

const short = (x: number): string => (x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2));

/** 75 → `1:15`. */
export const clock = (seconds: number): string => {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (n: number): string => String(n).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
};
