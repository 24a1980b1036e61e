// What a Bookinfo product page shows, and how to sign in to it.

import type { Answer } from './ask.ts';

/** Who made the reviews: v1 shows no stars, v2 black ones, v3 red ones. */
export type Reviews = 'v1' | 'v2' | 'v3' | 'no reviews' | 'no ratings';

export function reviewsOn({ status, body }: Answer): Reviews {
  if (status !== 200) throw new Error(`the product page answers ${status}: ${body}`);
  if (body.includes('product reviews are currently unavailable')) return 'no reviews';
  if (body.includes('Ratings service is currently unavailable')) return 'no ratings';
  return body.includes('color:red') ? 'v3' : body.includes('color:black') ? 'v2' : 'v1';
}

export const detailsOn = ({ body }: Answer): 'details' | 'no details' =>
  body.includes('product details are currently unavailable') ? 'no details' : 'details';

/** The cookie that `/login` gives. */
export const signedIn = (user: string) => ({ cookie: `session=${Buffer.from(user).toString('base64url')}` });
