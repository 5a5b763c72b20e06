/**
 * The same function, which keeps its last answer: many rules ask the same of one value in turn. For pure functions of a text
 * alone.
 */
export function remembered(apply: (text: string) => string): (text: string) => string {
  let last = '';
  let answer = apply(last);
  return (text) => {
    if (text === last) return answer;
    answer = apply(text);
    last = text;
    return answer;
  };
}
