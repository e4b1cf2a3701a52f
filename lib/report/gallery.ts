/** Small pictures in a grid, as a section of a page. */
import { escapeHtml } from './html';
import type { Picture } from './picture';
import { pngDataUri } from './png';

/** A picture of a gallery. */
export interface ReportPicture extends Picture {
  /** Text below the picture. */
  readonly caption: string;
}

/** Pictures of a report, in a grid. They are part of the page's file: about 4 KB each at 32x32, 150 KB at 224x224. */
export interface ReportGallery {
  /** Heading above the pictures. */
  readonly title: string;
  readonly pictures: readonly ReportPicture[];
  /** A paragraph below the pictures. */
  readonly note?: string;
}

/** Returns a gallery as HTML. @throws ERR_INVALID_ARGUMENT if pixels do not have their shape */
export function galleryHtml({ pictures, note }: ReportGallery): string {
  const items = pictures.map(({ pixels, shape, caption }) => {
    const text = escapeHtml(caption);
    const [height, width] = shape;
    return `<li><img src="${pngDataUri(pixels, shape)}" width="${width}" height="${height}" alt="${text}"><span>${text}</span></li>`;
  });
  return `<ul class="gallery">\n${items.join('\n')}\n</ul>${note ? `\n<p class="note">${escapeHtml(note)}</p>` : ''}`;
}
