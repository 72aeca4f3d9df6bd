/** The detached values met during one evaluation, in call order. */
export type FrozenTape = Float64Array[];

interface Session {
  tape: FrozenTape;
  mode: "record" | "replay";
  next: number;
}

let session: Session | null = null;

/**
 * Marks values as detached. Outside `withFrozen` it returns them unchanged; while recording it also
 * stores them; while replaying it returns what was stored, so that a perturbed evaluation sees constants.
 * @throws Error if a replay meets more detached values, or other sizes, than were recorded.
 */
export function freeze(values: Float64Array): Float64Array {
  if (session === null) return values;
  if (session.mode === "record") {
    session.tape.push(values.slice());
    return values;
  }
  const stored = session.tape[session.next++];
  if (stored?.length !== values.length) {
    throw new Error(
      `freeze: call ${session.next} has ${values.length} values, recorded were ${stored?.length ?? "none"}`,
    );
  }
  return stored.slice();
}

/**
 * Runs `f` while its detached values are recorded on, or replayed from, `tape`.
 * If `f` returns a promise the mode lasts until it settles; two asynchronous runs must not overlap.
 * @throws Error if a replay meets fewer detached values than were recorded.
 */
export function withFrozen<T>(mode: "record" | "replay", tape: FrozenTape, f: () => T): T {
  const outer = session;
  const current: Session = { tape, mode, next: 0 };
  const finish = <R>(result: R): R => {
    if (mode === "replay" && current.next !== tape.length) {
      throw new Error(`withFrozen: ${current.next} detached values replayed, ${tape.length} recorded`);
    }
    return result;
  };
  const restore = () => {
    session = outer;
  };
  session = current;
  if (mode === "record") tape.length = 0;
  let result: T;
  try {
    result = f();
  } catch (error) {
    restore();
    throw error;
  }
  if (result instanceof Promise) return result.then(finish).finally(restore) as T;
  restore();
  return finish(result);
}
