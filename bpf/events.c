/*
 * Counts what happens to the probe's own packets, and nothing else.
 *
 * Attach points  raw tracepoints: net_dev_start_xmit (handed to a device), netif_receive_skb (taken from a device),
 *                kfree_skb (dropped), icmp_send (refused with an ICMP error; where the kernel has it),
 *                fib_table_lookup (routed)
 * Kernel         BTF; 5.17 for the reason of a drop. No kprobes, no fentry.
 * Structures     reached only by the offsets that btf.py passes as macros; header files serve the compiler alone.
 * Tables         COUNTERS and ADDRESSES entries, as events.py computes them for the number of far pods.
 * Overhead       one version check and two hash look-ups for a foreign packet; nothing is copied to user space.
 *
 * A packet counts when both its addresses are watched and at least one is a pod's. A packet between watched
 * machines that carries such a packet inside counts as encapsulated.
 */
struct key {
    u64 place;      /* drop: address in the kernel; route: table << 32 | gateway */
    u32 netns;      /* inode of the network namespace; 0: the packet had neither device nor socket */
    u32 ifindex;
    u32 source;
    u32 target;
    u32 detail;     /* drop: reason; refusal and ICMP packet: type << 8 | code; route: error; tunnel: outer UDP port */
    u8 point;
    u8 form;
    u8 protocol;
    u8 zero;
};

struct value {
    u64 count;
    u64 first;      /* nanoseconds of the monotonic clock */
    u64 last;
};

struct ip4 {
    u8 version;
    u8 tos;
    u16 length;
    u16 id;
    u16 fragment;
    u8 ttl;
    u8 protocol;
    u16 checksum;
    u32 source;
    u32 target;
};

enum point { SENT = 1, RECEIVED, DROPPED, REFUSED, ROUTED };
enum form { BARE, VXLAN, GENEVE, IPIP, GRE };
enum role { POD = 1, MACHINE = 2 };

BPF_HASH(counts, struct key, struct value, COUNTERS);
BPF_HASH(watched, u32, u8, ADDRESSES);
BPF_HASH(spaces, u32, u8, 16);
BPF_ARRAY(missed, u64, 1);

#define READ(to, from) bpf_probe_read_kernel(&to, sizeof(to), (void *)(from))

static inline u32 inode_of(u64 holder)
{
    u64 net = 0;
    u32 inode = 0;
    READ(net, holder);
    if (net)
        READ(inode, net + NET_INODE);
    return inode;
}

static inline u8 role_of(u32 address)
{
    u8 *role = watched.lookup(&address);
    return role ? *role : 0;
}

static inline int is_probe(u32 source, u32 target)
{
    u8 one = role_of(source), other = role_of(target);
    return one && other && ((one | other) & POD);
}

static inline void count(struct key *key)
{
    struct value fresh = {}, *value;
    u64 now = bpf_ktime_get_ns();
    int zero = 0;
    if (key->netns && !spaces.lookup(&key->netns))
        return;
    fresh.first = now;
    value = counts.lookup_or_try_init(key, &fresh);
    if (!value) {
        missed.increment(zero);
        return;
    }
    lock_xadd(&value->count, 1);
    value->last = now;
}

static inline int inside(struct key *key, u64 at, u8 form)
{
    struct ip4 ip = {};
    READ(ip, at);
    if (ip.version >> 4 != 4 || role_of(ip.source) != POD || role_of(ip.target) != POD)
        return 0;
    key->source = ip.source;
    key->target = ip.target;
    key->protocol = ip.protocol;
    key->form = form;
    return 1;
}

/* Looks behind an outer header, whatever the port: VXLAN and Geneve differ in length only. */
static inline int unwrap(struct key *key, u64 at, u8 protocol)
{
    u16 port = 0;
    u8 options = 0;
    if (protocol == 4)
        return inside(key, at, IPIP);
    if (protocol == 47)
        return inside(key, at + 4, GRE) || inside(key, at + 8, GRE);
    if (protocol != 17)
        return 0;
    READ(port, at + 2);
    READ(options, at + 8);
    key->detail = bpf_ntohs(port);
    return inside(key, at + 30, VXLAN) || inside(key, at + 30 + (options & 63) * 4, GENEVE);
}

static inline int classify(struct key *key, u64 at)
{
    struct ip4 ip = {};
    u16 icmp = 0;
    READ(ip, at);
    if (ip.version >> 4 != 4)
        return 0;
    key->source = ip.source;
    key->target = ip.target;
    key->protocol = ip.protocol;
    if (is_probe(ip.source, ip.target)) {
        if (ip.protocol == 1)
            READ(icmp, at + (ip.version & 15) * 4);
        key->detail = bpf_ntohs(icmp);
        return 1;
    }
    if (role_of(ip.source) != MACHINE || role_of(ip.target) != MACHINE)
        return 0;
    return unwrap(key, at + (ip.version & 15) * 4, ip.protocol);
}

static inline void packet(struct key *key, u64 skb, u64 at)
{
    u64 dev = 0, sk = 0;
    u16 ethernet = 0;
    u32 detail = key->detail;
    READ(ethernet, skb + SKB_PROTOCOL);
    if (ethernet != bpf_htons(0x0800) || !classify(key, at))
        return;
    if (key->point >= DROPPED)
        key->detail = detail;
    READ(dev, skb + SKB_DEV);
    if (dev) {
        READ(key->ifindex, dev + DEV_IFINDEX);
        key->netns = inode_of(dev + DEV_NET);
    } else {
        READ(sk, skb + SKB_SK);
        key->netns = sk ? inode_of(sk + SK_NET) : 0;
    }
    count(key);
}

static inline u64 network(u64 skb)
{
    u64 head = 0;
    u16 header = 0;
    READ(head, skb + SKB_HEAD);
    READ(header, skb + SKB_NETWORK);
    return head + header;
}

RAW_TRACEPOINT_PROBE(net_dev_start_xmit)
{
    struct key key = {.point = SENT};
    packet(&key, ctx->args[0], network(ctx->args[0]));
    return 0;
}

/* The network header is not marked yet at this point: the data begins with it. */
RAW_TRACEPOINT_PROBE(netif_receive_skb)
{
    struct key key = {.point = RECEIVED};
    u64 data = 0;
    READ(data, ctx->args[0] + SKB_DATA);
    packet(&key, ctx->args[0], data);
    return 0;
}

RAW_TRACEPOINT_PROBE(kfree_skb)
{
    struct key key = {.point = DROPPED, .place = ctx->args[1]};
#ifdef HAVE_REASONS
    key.detail = ctx->args[2];
    if (key.detail == REASON_CONSUMED)
        return 0;
#endif
    packet(&key, ctx->args[0], network(ctx->args[0]));
    return 0;
}

#ifdef HAVE_ICMP_SEND
RAW_TRACEPOINT_PROBE(icmp_send)
{
    struct key key = {.point = REFUSED, .detail = (ctx->args[1] & 255) << 8 | (ctx->args[2] & 255)};
    packet(&key, ctx->args[0], network(ctx->args[0]));
    return 0;
}
#endif

/* A failed look-up has no next hop, hence no namespace: it counts under namespace 0. */
RAW_TRACEPOINT_PROBE(fib_table_lookup)
{
    struct key key = {.point = ROUTED, .detail = ctx->args[3]};
    u64 flow = ctx->args[1], hop = ctx->args[2], dev = 0;
    u32 gateway = 0;
    u8 family = 0;
    READ(key.source, flow + FLOW_SOURCE);
    READ(key.target, flow + FLOW_TARGET);
    if (!is_probe(key.source, key.target))
        return 0;
    READ(key.protocol, flow + FLOW_PROTOCOL);
    if (hop) {
        READ(dev, hop + HOP_DEV);
        READ(family, hop + HOP_FAMILY);
        if (family == 2)
            READ(gateway, hop + HOP_GATEWAY);
    }
    if (dev) {
        READ(key.ifindex, dev + DEV_IFINDEX);
        key.netns = inode_of(dev + DEV_NET);
    }
    key.place = ctx->args[0] << 32 | gateway;
    count(&key);
    return 0;
}
