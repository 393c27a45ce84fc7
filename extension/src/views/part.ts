/** A piece of the monitor: a node, and a way to bring it up to date with the store. */
export interface Part {
  readonly node: HTMLElement;
  update(): void;
}
