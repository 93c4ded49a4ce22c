// The package has no types; `Gifenc` in gif.ts describes what is used of it.
declare module 'gifenc'
