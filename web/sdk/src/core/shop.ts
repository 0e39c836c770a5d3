/** What happens in a shop, in words: each becomes the event that the server knows. */

import type { Properties } from "./calls.js";

/** A product as the events name it. `id` may stand for `product_id`. */
export interface Product extends Properties {
  product_id?: string | number;
  variant?: string;
  name?: string;
  price?: number | string;
  currency?: string;
  quantity?: number;
  category?: string;
  brand?: string;
  url?: string;
  image_url?: string;
}

type Say = (event: string, properties: Properties) => void;

const one = (product: Product | string | number): Properties => {
  if (typeof product !== "object") return { product_id: String(product) };
  const { id, ...rest } = product;
  return id !== undefined && rest.product_id === undefined ? { product_id: id, ...rest } : { ...rest, ...(id === undefined ? {} : { id }) };
};

export function hooks(say: Say) {
  const about = (event: string) => (product: Product | string | number, more: Properties = {}) => say(event, { ...one(product), ...more });
  const whole = (event: string) => (products: readonly (Product | string | number)[], more: Properties = {}) =>
    say(event, { products: products.map(one), ...more });
  const plain = (event: string) => (properties: Properties) => say(event, properties);
  return {
    cart: { added: about("Product Added"), removed: about("Product Removed"), viewed: whole("Cart Viewed") },
    product: { viewed: about("Product Viewed"), clicked: about("Product Clicked"), shared: about("Product Shared") },
    list: { viewed: plain("Product List Viewed"), filtered: plain("Product List Filtered"), searched: plain("Products Searched") },
    wishlist: { added: about("Product Added to Wishlist"), removed: about("Product Removed from Wishlist") },
    stock: { asked: about("Back In Stock Requested"), cancelled: about("Back In Stock Request Cancelled") },
    order: { started: whole("Checkout Started"), completed: whole("Order Completed") },
  };
}

export type Hooks = ReturnType<typeof hooks>;
