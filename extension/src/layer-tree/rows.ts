/** The rows of a model, and which of them are folded away. */

/** Level, name, class, output, parameters, the layer at which the base ends by this choice, and signs. */
export type Row = [
  level: number,
  name: string,
  kind: string,
  shape: string,
  parameters: number,
  end: string,
  signs: string,
];

/** Rows up to which a model is shown open. */
const OPEN_UP_TO = 40;

export function isBlock(row: Row): boolean {
  return row[2] === "block";
}

export function normalizes(row: Row): boolean {
  return row[6].includes("n");
}

export function isFrozenByUser(row: Row): boolean {
  return row[6].includes("f");
}

export function holds(row: Row): boolean {
  return row[6].includes("h");
}

export class Rows {
  private folded = new Set<number>();
  /** Index of the row that the keyboard is at. */
  at = 0;

  /** Takes the rows of a model; `before` is what was shown of the same model, whose folds and place are kept. */
  constructor(
    readonly all: readonly Row[],
    before: Rows | null = null,
  ) {
    const held = new Map(before?.all.flatMap((row, i) => (holds(row) ? [[row[1], before.folded.has(i)]] : [])));
    for (const [index, row] of all.entries()) {
      if (holds(row) && (held.get(row[1]) ?? this.isAway(row))) this.folded.add(index);
    }
    // Where the base ends elsewhere, there are other blocks.
    const name = before?.all[before.at]?.[1];
    this.at = Math.max(
      0,
      all.findIndex((row) => row[1] === name && !isBlock(row)),
    );
  }

  /** Of a large model a base that is one row of few is open; what is in it is not. */
  private isAway(row: Row): boolean {
    if (this.all.length <= OPEN_UP_TO) return false;
    return row[0] > 1 || isBlock(row) || this.all.filter(([level]) => level === 1).length > OPEN_UP_TO;
  }

  isFolded(index: number): boolean {
    return this.folded.has(index);
  }

  /** Folds a row or opens it; tells whether that changes anything. */
  fold(index: number, away: boolean): boolean {
    const row = this.all[index];
    if (!row || !holds(row) || this.folded.has(index) === away) return false;
    if (away) this.folded.add(index);
    else this.folded.delete(index);
    return true;
  }

  foldAll(away: boolean): void {
    this.folded = new Set(away ? this.all.keys() : []);
  }

  /** Indices of the rows that are not folded away; the keyboard's place goes to one of them. */
  shown(): number[] {
    const found: number[] = [];
    let under = Number.POSITIVE_INFINITY;
    for (const [index, [level]] of this.all.entries()) {
      if (level > under) continue;
      under = this.folded.has(index) ? level : Number.POSITIVE_INFINITY;
      found.push(index);
    }
    this.at = found.findLast((index) => index <= this.at) ?? 0;
    return found;
  }

  /** Index of the row that holds another one, -1 for an outermost. */
  parent(index: number): number {
    const level = this.all[index]?.[0] ?? 0;
    return this.all.slice(0, index).findLastIndex((row) => row[0] < level);
  }

  /** Where a key leads from here; null for a key that leads nowhere. */
  reached(key: string): number | null {
    const visible = this.shown();
    const place = visible.indexOf(this.at);
    const row = this.all[this.at];
    const to = {
      ArrowDown: visible[place + 1],
      ArrowUp: visible[place - 1],
      Home: visible[0],
      End: visible.at(-1),
      ArrowRight: row && holds(row) ? visible[place + 1] : undefined,
      ArrowLeft: this.parent(this.at) >= 0 ? this.parent(this.at) : undefined,
    }[key];
    return to ?? null;
  }
}
