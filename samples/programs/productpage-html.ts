// The pages productpage shows: HTML with its style inside, nothing loaded from elsewhere, every value escaped.

import { isRecord } from './call.ts';

export interface Product {
  readonly id: number;
  readonly title: string;
  /** Our own markup, the one text here that is not escaped. */
  readonly descriptionHtml: string;
}

export interface ProductView {
  readonly product: Product;
  /** The status and JSON of each service; with a status other than 200, `{error}`. */
  readonly details: readonly [status: number, value: unknown];
  readonly reviews: readonly [status: number, value: unknown];
  /** Empty when nobody is signed in. */
  readonly user: string;
  /** The pod that renders the page. */
  readonly pod: string;
}

export function productPage({ product, details, reviews, user, pod }: ProductView): string {
  const served = servedBy(reviews);
  return page(
    `${header(user)}
<main>
  <section class="hero">
    <p class="eyebrow">Play in five acts</p>
    <h1>${escape(product.title)}</h1>
    <p class="lead">${product.descriptionHtml}</p>
  </section>
  <div class="columns">
    <section class="card" id="details">
      <h2>Book Details</h2>
      ${detailsBody(details)}
    </section>
    <section class="card" id="reviews">
      <h2>Book Reviews${served.version === '' ? '' : ` <span class="version" title="the version of reviews that answered">${escape(served.version)}</span>`}</h2>
      ${reviewsBody(reviews)}
      ${served.line}
    </section>
  </div>
</main>
<footer>Page by <code>${escape(pod)}</code> · <a href="/productpage">Refresh</a> to see which version of reviews answers next</footer>`,
  );
}

/** The page at `/`: what the application is made of. */
export function indexPage(services: { readonly details: string; readonly reviews: string; readonly ratings: string }): string {
  const row = (name: string, url: string, calls: string): string =>
    `<tr><th>${name}</th><td><code>${escape(url)}</code></td><td>${calls}</td></tr>`;
  return page(
    `${header('')}
<main>
  <section class="hero">
    <p class="eyebrow">Four services, six programs</p>
    <h1>Bookinfo</h1>
    <p class="lead">A small bookshop to try a service mesh with: one page, put together from three services that answer in several versions.</p>
    <p><a class="button" href="/productpage">Open the product page</a></p>
  </section>
  <section class="card">
    <h2>Where this page looks for the others</h2>
    <table>
      ${row('details', services.details, 'asks nobody')}
      ${row('reviews', services.reviews, 'asks ratings, from v2 on')}
      ${row('ratings', services.ratings, 'asks nobody')}
    </table>
  </section>
</main>`,
  );
}

function header(user: string): string {
  const session =
    user === ''
      ? `<form method="post" action="/login">
    <input name="username" placeholder="User name" aria-label="User name" autocomplete="username" required maxlength="100">
    <input name="passwd" type="password" placeholder="Any password" aria-label="Password" autocomplete="off">
    <button class="button">Sign in</button>
  </form>`
      : `<p class="user"><span class="avatar" aria-hidden="true">${escape(Array.from(user)[0]?.toUpperCase() ?? '')}</span><b>${escape(user)}</b> <a href="/logout">Sign out</a></p>`;
  return `<header><a class="brand" href="/productpage">Book<b>info</b></a>${session}</header>`;
}

function detailsBody([status, value]: ProductView['details']): string {
  if (status !== 200 || !isRecord(value)) return failure('Error fetching product details!', value);
  const labels: readonly (readonly [label: string, key: string])[] = [
    ['Author', 'author'],
    ['Year', 'year'],
    ['Type', 'type'],
    ['Pages', 'pages'],
    ['Publisher', 'publisher'],
    ['Language', 'language'],
    ['ISBN-10', 'ISBN-10'],
    ['ISBN-13', 'ISBN-13'],
  ];
  const rows = labels.map(([label, key]) => `<div><dt>${label}</dt><dd>${escape(text(value[key]))}</dd></div>`);
  return `<dl>${rows.join('')}</dl>`;
}

function reviewsBody([status, value]: ProductView['reviews']): string {
  if (status !== 200 || !isRecord(value)) return failure('Error fetching product reviews!', value);
  const reviews: unknown[] = Array.isArray(value['reviews']) ? value['reviews'] : [];
  return reviews
    .filter(isRecord)
    .map(
      (review) => `<figure>
        ${stars(review['rating'])}
        <blockquote>${escape(text(review['text']))}</blockquote>
        <figcaption>${escape(text(review['reviewer']))}</figcaption>
      </figure>`,
    )
    .join('\n      ');
}

function stars(rating: unknown): string {
  if (!isRecord(rating)) return '';
  const count = rating['stars'];
  if (typeof count !== 'number')
    return `<p class="unavailable">${escape(text(rating['error']) || 'Ratings service is currently unavailable')}</p>`;
  const lit = Math.min(Math.max(Math.trunc(count), 0), 5);
  const color = text(rating['color']);
  // Only a colour's name or hex digits may reach the style attribute.
  const safe = /^([a-z]{1,20}|#[0-9a-f]{3,8})$/i.test(color) ? color : 'black';
  return `<p class="stars" role="img" aria-label="${lit} of 5 stars, ${escape(safe)}"><span style="color:${safe}">${'★'.repeat(lit)}</span><span class="unlit">${'★'.repeat(5 - lit)}</span></p>`;
}

function servedBy([status, value]: ProductView['reviews']): { readonly version: string; readonly line: string } {
  if (status !== 200 || !isRecord(value)) return { version: '', line: '' };
  const pod = text(value['podname']);
  const cluster = text(value['clustername']);
  const place = cluster === '' || cluster === 'null' ? '' : ` on cluster <code>${escape(cluster)}</code>`;
  return {
    version: /^reviews-(v[0-9]+)(-|$)/.exec(pod)?.[1] ?? '',
    line: pod === '' ? '' : `<p class="served">Reviews served by <code>${escape(pod)}</code>${place}</p>`,
  };
}

function failure(title: string, value: unknown): string {
  return `<div class="failure" role="alert"><b>${title}</b><p>${escape(isRecord(value) ? text(value['error']) : '')}</p></div>`;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

function escape(value: string): string {
  return value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function page(body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Simple Bookstore App</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
${body}
</body>
</html>
`;
}

const style = `
:root { --ink: #1d2433; --soft: #5c667a; --line: #e3e7ee; --paper: #f6f7fa; --accent: #1f5fd6; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
code { font: 0.85em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; background: #eef1f6; border-radius: 4px; padding: 0.1em 0.4em; overflow-wrap: anywhere; }
header { display: flex; flex-wrap: wrap; gap: 0.75rem; align-items: center; justify-content: space-between; padding: 0.8rem max(1.25rem, calc(50vw - 34rem)); background: #fff; border-bottom: 1px solid var(--line); }
.brand { font-family: Georgia, "Times New Roman", serif; font-size: 1.35rem; color: var(--ink); }
.brand b { color: var(--accent); font-weight: 400; }
header form { display: flex; flex-wrap: wrap; gap: 0.5rem; }
input { width: 9rem; padding: 0.35rem 0.6rem; border: 1px solid #cbd2de; border-radius: 6px; font: inherit; font-size: 0.9rem; background: #fff; color: inherit; }
.button { display: inline-block; padding: 0.35rem 0.9rem; border: 0; border-radius: 6px; background: var(--accent); color: #fff; font: inherit; font-size: 0.9rem; cursor: pointer; }
.button:hover { background: #1a50b4; text-decoration: none; }
input:focus-visible, .button:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.user { margin: 0; display: flex; gap: 0.6rem; align-items: center; }
.avatar { display: grid; place-items: center; width: 1.9rem; height: 1.9rem; border-radius: 50%; background: #dfe9fb; color: var(--accent); font-weight: 600; }
main { max-width: 68rem; margin: 0 auto; padding: 0 1.25rem 2rem; }
.hero { padding: 2.5rem 0 1.75rem; max-width: 44rem; }
.eyebrow { margin: 0; color: var(--soft); font-size: 0.8rem; letter-spacing: 0.08em; text-transform: uppercase; }
h1 { margin: 0.2rem 0 0.6rem; font: 400 2.6rem/1.15 Georgia, "Times New Roman", serif; }
.lead { margin: 0; color: #3d475a; }
.lead + p { margin-top: 1.25rem; }
.columns { display: grid; grid-template-columns: minmax(16rem, 2fr) 3fr; gap: 1.25rem; align-items: start; }
@media (max-width: 46rem) { .columns { grid-template-columns: 1fr; } h1 { font-size: 2rem; } }
.card { background: #fff; border: 1px solid var(--line); border-radius: 12px; padding: 1.25rem 1.5rem; box-shadow: 0 1px 2px rgb(29 36 51 / 4%); }
h2 { margin: 0 0 0.9rem; font-size: 1.1rem; display: flex; align-items: center; justify-content: space-between; }
.version { background: #e8f0fe; color: var(--accent); border-radius: 999px; padding: 0.1rem 0.7rem; font-size: 0.85rem; }
dl { margin: 0; }
dl div { display: flex; justify-content: space-between; gap: 1rem; padding: 0.45rem 0; border-top: 1px solid var(--line); }
dl div:first-child { border-top: 0; }
dt { color: var(--soft); }
dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 0; padding: 0.9rem 0; border-top: 1px solid var(--line); }
h2 + figure { border-top: 0; padding-top: 0; }
blockquote { margin: 0.1rem 0 0.35rem; font: 1.1rem/1.5 Georgia, "Times New Roman", serif; }
figcaption { color: var(--soft); font-size: 0.9rem; }
figcaption::before { content: "— "; }
.stars { margin: 0; font-size: 1.3rem; letter-spacing: 0.1em; line-height: 1.3; }
.unlit { color: #dde2ea; }
.unavailable { margin: 0; color: #8a5a00; font-size: 0.9rem; }
.served { margin: 0.4rem 0 0; padding-top: 0.8rem; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.85rem; }
.failure { border-left: 4px solid #c62828; background: #fdf1f1; border-radius: 6px; padding: 0.75rem 1rem; }
.failure b { color: #a31f1f; }
.failure p { margin: 0.2rem 0 0; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: 0.45rem 0.5rem 0.45rem 0; border-top: 1px solid var(--line); font-weight: 400; }
tr:first-child > * { border-top: 0; }
footer { text-align: center; color: var(--soft); font-size: 0.85rem; padding: 0 1rem 2rem; }
`;
