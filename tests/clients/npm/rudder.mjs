// RudderStack's library for servers, as its handbook says to use it; only the host is ours. Its bodies are gzipped JSON announced as a form.
import Analytics from '@rudderstack/rudder-sdk-node'

const [host, writeKey, looks] = process.argv.slice(2)
const errors = []
const analytics = new Analytics(writeKey, {
  dataPlaneUrl: host, flushAt: 5, flushInterval: 200, retryCount: 10, logLevel: 'silent',
  errorHandler: (error) => errors.push(String(error.code)),
})
const userId = 'ana'
const done = []
const told = (call, message) => done.push(new Promise((resolve) => analytics[call](message, resolve)))
told('identify', { userId, traits: { email: 'ana@example.com', plan: 'oro' } })
for (let number = 0; number < Number(looks); number++) {
  told('track', { userId, event: 'Product Viewed', properties: { product_id: `p${number}`, price: 79.95 } })
}
told('page', { userId, category: 'Tienda', name: 'Botas' })
told('screen', { userId, category: 'App', name: 'Cesta' })
told('group', { userId, groupId: 'club' })
told('alias', { previousId: 'dora', userId })
await Promise.all(done)
console.log(JSON.stringify(errors))
process.exit(0)
