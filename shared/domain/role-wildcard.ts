/**
 * Whether the text is what the pattern says, with `*` for any characters, slashes included, and,
 * where `one` is given, that character for any one. Takes time in proportion to pattern times text
 * at most.
 */
export function matchesWildcards(pattern: string, text: string, one?: '?'): boolean {
  let inPattern = 0;
  let inText = 0;
  let afterStar = -1;
  let starTakesTo = 0;
  while (inText < text.length) {
    const wanted = pattern[inPattern];
    if (wanted === '*') {
      afterStar = inPattern += 1;
      starTakesTo = inText;
    } else if (wanted !== undefined && (wanted === text[inText] || wanted === one)) {
      inPattern += 1;
      inText += 1;
    } else if (afterStar >= 0) {
      inPattern = afterStar;
      inText = starTakesTo += 1;
    } else {
      return false;
    }
  }
  while (pattern[inPattern] === '*') inPattern += 1;
  return inPattern === pattern.length;
}

/** Azure's action names: without regard to case, `*` in the pattern. */
export function matchesAction(pattern: string, action: string): boolean {
  return matchesWildcards(pattern.toLowerCase(), action.toLowerCase());
}
