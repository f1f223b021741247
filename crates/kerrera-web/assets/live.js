// What keeps a page fresh.
export {};
