/** Dutch numbers in words, as https://taaladvies.net spells them; `één` so that nothing reads it as the article. */

const units = `nul één twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien
  zeventien achttien negentien`.split(/\s+/);
const tens = ['twintig', 'dertig', 'veertig', 'vijftig', 'zestig', 'zeventig', 'tachtig', 'negentig'];

/** A cardinal from 0 to 9999: `drieëntwintig`, `honderdvijf`, `vijftienhonderd`, `tweeduizend vijf`. */
export function dutchCardinal(value: number): string {
  if (value >= 1000 && value % 1000 < 100) return thousands(value);
  if (value >= 100) return `${value < 200 ? '' : below100(Math.floor(value / 100))}honderd${rest(value % 100)}`;
  return below100(value);
}

/** Digits behind a comma: two without a zero before them as one number (`twaalf`), others one by one. */
export function dutchDecimals(digits: string): string {
  if (/^[1-9][0-9]$/.test(digits)) return below100(Number(digits));
  return [...digits].map((digit) => below100(Number(digit))).join(' ');
}

function thousands(value: number): string {
  const times = Math.floor(value / 1000);
  const below = value % 1000;
  return `${times === 1 ? '' : below100(times)}duizend${below === 0 ? '' : ` ${below100(below)}`}`;
}

function rest(value: number): string {
  return value === 0 ? '' : below100(value);
}

function below100(value: number): string {
  const word = units[value];
  if (word !== undefined) return word;
  const ten = tens[Math.floor(value / 10) - 2] ?? '';
  const unit = value % 10 === 1 ? 'een' : units[value % 10];
  return value % 10 === 0 ? ten : `${unit}${unit?.endsWith('e') ? 'ë' : 'e'}n${ten}`;
}
