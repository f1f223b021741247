// Single keys.
export {};
