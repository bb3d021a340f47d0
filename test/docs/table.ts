/** The rows of every Markdown table whose first column has this heading; cells without the backquotes around them. */
export function tableRows(markdown: string, heading: string): readonly (readonly string[])[] {
  let isWanted = false;
  return markdown.split('\n').flatMap((line) => {
    if (!line.startsWith('|')) {
      isWanted = false;
      return [];
    }
    const cells = line
      .slice(1, line.lastIndexOf('|'))
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replace(/^`([^`]*)`$/, '$1'));
    if (cells[0] === heading) {
      isWanted = true;
      return [];
    }
    return isWanted && !/^:?-+:?$/.test(cells[0] ?? '') ? [cells] : [];
  });
}
