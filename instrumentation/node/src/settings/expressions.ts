/** Regular expressions as people give them: as such, or as text. */

/** The expressions; what is none is reported and left out. */
export function compileExpressions(
  given: readonly (string | RegExp)[],
  report: (problem: string) => void,
): RegExp[] {
  const compiled: RegExp[] = [];
  for (const each of given) {
    try {
      compiled.push(each instanceof RegExp ? each : new RegExp(each));
    } catch {
      report(`'${each}' is no regular expression and is left out`);
    }
  }
  return compiled;
}
