// How the demo looks: headings, the commands a user types, what they print, what is shown by it. Colours only on a terminal.

const WIDTH = 98;
const colours = process.stdout.isTTY === true && process.env.NO_COLOR === undefined && process.env.TERM !== 'dumb';
const style = (code) => (text) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
const bold = style('1');
const dim = style('2');
const red = style('31');
const green = style('32');
const cyan = style('36');

/**
 * @param {readonly (readonly [string, string])[]} names - long paths, and the variable that stands for each; may be added to later
 */
export function createScreen(names) {
  const line = (text = '') => console.log(text);
  const lines = (texts, head, tail = head) => {
    for (const [at, text] of texts.entries()) line(`${at === 0 ? head : tail}${text}`);
  };
  const shorten = (text) => names.reduce((short, [path, name]) => short.replaceAll(path, name), text);
  let number = 0;

  return {
    line,
    title: (text) => line(bold(text)),
    step(text) {
      number += 1;
      line(`\n${bold(`${number}. ${text}`)}`);
    },
    say: (text) => lines(wrap(text, WIDTH - 3), '   '),
    setting: (text, comment) => line(`   ${cyan(text.padEnd(comment === undefined ? 0 : 52))}${comment === undefined ? '' : dim(` # ${comment}`)}`),
    /** A command as it is typed; each further part on a line of its own. */
    command(first, ...rest) {
      const parts = [`$ ${first}`, ...rest.map((one) => `      ${one}`)];
      line();
      for (const [at, part] of parts.entries()) line(`   ${cyan(shorten(part) + (at < parts.length - 1 ? ' \\' : ''))}`);
    },
    /** A line that a program printed. */
    output: (text) => lines(wrap(shorten(text), WIDTH - 9), `     ${dim('|')} `, `     ${dim('|')}   `),
    fact: (text) => lines(wrap(shorten(text), WIDTH - 7), '     ', '       '),
    shown: (text) => lines(wrap(shorten(text), WIDTH - 5), `   ${green('✓')} `, '     '),
    failed: (text) =>
      console.error(`\n${red(`The demo failed: ${text.split('\n')[0]}`)}${text.includes('\n') ? `\n${text.slice(text.indexOf('\n') + 1)}` : ''}`),
  };
}

/** Broken at spaces, the indentation kept; a word that is longer than a line stays whole. */
function wrap(text, width) {
  const [, indent = '', rest = ''] = /^(\s*)(.*)$/.exec(text) ?? [];
  const lines = [];
  for (const word of rest.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && indent.length + last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => indent + line);
}
