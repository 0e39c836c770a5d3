// Segment's library for servers, as its handbook says to use it; only the host is ours.
import { Analytics } from '@segment/analytics-node'

const [host, writeKey, looks] = process.argv.slice(2)
const errors = []
const analytics = new Analytics({ writeKey, host, maxEventsInBatch: 5, flushInterval: 200, httpRequestTimeout: 3000, maxRetries: 10 })
analytics.on('error', (error) => errors.push(String(error.code)))
const userId = 'ana'
analytics.identify({ userId, traits: { email: 'ana@example.com', plan: 'oro' } })
for (let number = 0; number < Number(looks); number++) {
  analytics.track({ userId, event: 'Product Viewed', properties: { product_id: `p${number}`, price: 79.95 } })
}
analytics.page({ userId, category: 'Tienda', name: 'Botas' })
analytics.screen({ userId, category: 'App', name: 'Cesta' })
analytics.group({ userId, groupId: 'club' })
analytics.alias({ previousId: 'dora', userId })
await analytics.closeAndFlush({ timeout: 120_000 })
console.log(JSON.stringify(errors))
