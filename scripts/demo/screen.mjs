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
  const shorten = (text) => names.reduce((short, [path, name]) => short.replaceAll(path, name), text);
  let number = 0;

  return {
    line,
    title: (text) => line(bold(text)),
    step(text) {
      number += 1;
      line(`\n${bold(`${number}. ${text}`)}`);
    },
    say: (text) => wrap(text, WIDTH - 3).forEach((one) => line(`   ${one}`)),
    setting: (name, value, text) => line(`   ${cyan(`${name}=${value}`)}${text === undefined ? '' : `  ${dim(`# ${text}`)}`}`),
    /** A command as it is typed; each further part on a line of its own. */
    command(first, ...rest) {
      const parts = [`$ ${first}`, ...rest.map((one) => `      ${one}`)];
      line();
      for (const [at, part] of parts.entries()) line(`   ${cyan(shorten(part) + (at < parts.length - 1 ? ' \\' : ''))}`);
    },
    /** A line that a program printed. */
    output(text) {
      const [, indent = '', rest = ''] = /^(\s*)(.*)$/.exec(shorten(text)) ?? [];
      const lines = wrap(rest, WIDTH - 7 - indent.length);
      for (const [at, one] of lines.entries()) line(`     ${dim('|')} ${indent}${at === 0 ? '' : '  '}${one}`);
    },
    fact: (text) => wrap(shorten(text), WIDTH - 7).forEach((one, at) => line(`     ${at === 0 ? '' : '  '}${one}`)),
    shown: (text) => wrap(shorten(text), WIDTH - 5).forEach((one, at) => line(`   ${at === 0 ? green('✓') : ' '} ${one}`)),
    failed: (text) => console.error(`\n${red(`The demo failed: ${text.split('\n')[0]}`)}${text.includes('\n') ? `\n${text.slice(text.indexOf('\n') + 1)}` : ''}`),
  };
}

/** Broken at spaces; a word that is longer than a line stays whole. */
function wrap(text, width) {
  const lines = [];
  let current = '';
  for (const word of text.split(' ')) {
    if (current !== '' && current.length + 1 + word.length > width) {
      lines.push(current);
      current = word;
    } else current = current === '' && lines.length > 0 ? word : lines.length === 0 && current === '' ? word : `${current} ${word}`;
  }
  return [...lines, current];
}
