// Draws pictures to try docs/tutorial.md with: `node draw-pictures.js photos` writes 60 JPEG files of each of five shapes into
// photos/circle, photos/cross and so on. Needs `npm install sharp`.
const { mkdirSync } = require('node:fs');
const { join } = require('node:path');
const sharp = require('sharp');

const outlines = {
  circle: '<circle cx="32" cy="32" r="20"/>',
  cross: '<path d="M12 26h14V12h12v14h14v12H38v14H26V38H12z"/>',
  ring: '<circle cx="32" cy="32" r="17" fill="none" stroke="currentColor" stroke-width="9"/>',
  square: '<rect x="14" y="14" width="36" height="36"/>',
  triangle: '<path d="M32 10l22 42H10z"/>',
};
const perClass = 60;

const between = (least, most) => least + Math.random() * (most - least);
const colour = (least, most) => `rgb(${[0, 0, 0].map(() => Math.round(between(least, most))).join()})`;

/** Draws a bright shape of a random colour, size, place and angle on dark ground. */
function draw(outline) {
  const [ground, shape] = [colour(0, 110), colour(150, 255)];
  const place = `translate(${between(30, 70)} ${between(20, 60)}) rotate(${between(-15, 15)}) scale(${between(0.7, 1.3)})`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="160" height="120">
    <rect width="160" height="120" fill="${ground}"/>
    <g transform="${place}" fill="${shape}" color="${shape}">${outline}</g></svg>`;
  return sharp(Buffer.from(svg)).jpeg({ quality: 90 });
}

async function main() {
  const [, , folder = 'photos'] = process.argv;
  for (const [name, outline] of Object.entries(outlines)) {
    mkdirSync(join(folder, name), { recursive: true });
    for (let index = 0; index < perClass; index++) {
      await draw(outline).toFile(join(folder, name, `${name}-${String(index).padStart(2, '0')}.jpg`));
    }
  }
  console.log(`${perClass} pictures of each of ${Object.keys(outlines).join(', ')} are in ${folder}`);
}

main();
