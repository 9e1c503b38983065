# One image for every process of ours; docker-compose.yml says which one a container runs.
# There is no build step: Node runs the TypeScript that you read. The whole workspace is copied,
# because Node refuses to strip types under node_modules, where packed packages would end up.
FROM node:24.21.0-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6

WORKDIR /app
# Provider logs are written here; a new volume takes its owner from the folder in the image.
RUN mkdir /data && chown node:node /data

# Packages first: they change less often than the code. Without the optional ones, which are a
# PostgreSQL for machines that have no containers, and without their install scripts.
COPY package.json package-lock.json .npmrc ./
COPY packages/contracts/package.json packages/contracts/
COPY packages/patterns/package.json packages/patterns/
COPY packages/runtime/package.json packages/runtime/
COPY services/payments/package.json services/payments/
COPY services/listings/package.json services/listings/
COPY services/notifications/package.json services/notifications/
COPY services/console/package.json services/console/
COPY infra/faults/package.json infra/faults/
COPY infra/local/package.json infra/local/
COPY infra/observability/package.json infra/observability/
COPY infra/simulators/card-provider/package.json infra/simulators/card-provider/
COPY infra/simulators/mailbox/package.json infra/simulators/mailbox/
COPY load-tests/package.json load-tests/
COPY tools/cli/package.json tools/cli/
COPY tools/docs/package.json tools/docs/
COPY tools/structure/package.json tools/structure/
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force

COPY packages packages
COPY services services
COPY infra infra

USER node
# Payments, unless the container says otherwise.
CMD ["node", "services/payments/src/main.ts"]
