// Okabe and Ito's colours, told apart by the colour-blind, too; dashes tell the rest.
export const PALETTES = {
  light: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#7f7f7f"],
  dark: ["#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#ffffff", "#9aa4b0"],
};
export const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3]];

/** The colour of the curve at a place in its panel. */
export const colour = (i) => {
  const palette = PALETTES[document.documentElement.dataset.theme];
  return palette[i % palette.length];
};
