/*
 * Counts what happens to the probe's own packets, and nothing else.
 *
 * Attach points  raw tracepoints: net_dev_start_xmit (handed to a device), netif_receive_skb (taken from a device),
 *                kfree_skb (dropped), icmp_send (refused with an ICMP error), fib_table_lookup (routed),
 *                tcp_retransmit_skb (sent again), tcp_hash_md5_* (TCP-MD5 signature refused)
 * Kernel         BTF; selection.py says which program fits which kernel. No kprobes, no fentry.
 * Structures     reached only by offsets from the running kernel's BTF: macros of by_bcc.py, or those that libbpf
 *                puts into the object (core.h); header files serve bcc's compiler alone.
 * Tables         as many entries as events.py computes for the number of far pods.
 * Overhead       one version check and two hash look-ups for a foreign packet; nothing is copied to user space.
 *
 * A packet counts when both its addresses are watched and at least one is a pod's. A packet between watched
 * machines that carries such a packet inside counts as encapsulated.
 */
enum { BGP = 179 };

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
    u8 *role = role_at(&address);
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
    u64 now = bpf_ktime_get_ns(), *lost;
    int zero = 0;
    if (key->netns && !space_at(&key->netns))
        return;
    value = counter_at(key);
    if (!value) {
        fresh.first = now;
        add_counter(key, &fresh);
        value = counter_at(key);
    }
    if (value) {
        __sync_fetch_and_add(&value->count, 1);
        value->last = now;
        return;
    }
    lost = missed_at(&zero);
    if (lost)
        __sync_fetch_and_add(lost, 1);
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

static inline void place(struct key *key, u64 skb)
{
    u64 dev = 0, sk = 0;
    READ(dev, skb + SKB_DEV);
    if (dev) {
        READ(key->ifindex, dev + DEV_IFINDEX);
        key->netns = inode_of(dev + DEV_NET);
    } else {
        READ(sk, skb + SKB_SK);
        key->netns = sk ? inode_of(sk + SK_NET) : 0;
    }
}

static inline void packet(struct key *key, u64 skb, u64 at)
{
    u16 ethernet = 0;
    u32 detail = key->detail;
    READ(ethernet, skb + SKB_PROTOCOL);
    if (ethernet != bpf_htons(0x0800) || !classify(key, at))
        return;
    if (key->point >= DROPPED)
        key->detail = detail;
    place(key, skb);
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

/* Between machines only what belongs to their BGP session counts: everything else there is none of the probe's. */
static inline int is_ours(u32 source, u32 target, u16 port)
{
    return is_probe(source, target) || (port == BGP && role_of(source) && role_of(target));
}

#ifdef HAVE_SENT
PROGRAM(net_dev_start_xmit, sent)
{
    struct key key = {.point = SENT};
    packet(&key, ctx->args[0], network(ctx->args[0]));
    return 0;
}
#endif

/* The network header is not marked yet at this point: the data begins with it. */
#ifdef HAVE_RECEIVED
PROGRAM(netif_receive_skb, received)
{
    struct key key = {.point = RECEIVED};
    u64 data = 0;
    READ(data, ctx->args[0] + SKB_DATA);
    packet(&key, ctx->args[0], data);
    return 0;
}
#endif

#ifdef HAVE_DROPPED
PROGRAM(kfree_skb, dropped)
{
    struct key key = {.point = DROPPED, .place = ctx->args[1], .detail = ctx->args[2]};
    packet(&key, ctx->args[0], network(ctx->args[0]));
    return 0;
}
#endif

/* Before Linux 5.17 the kernel says where it dropped a packet, and not why. */
#ifdef HAVE_DROPPED_NAMELESS
PROGRAM(kfree_skb, dropped_nameless)
{
    struct key key = {.point = DROPPED, .place = ctx->args[1]};
    packet(&key, ctx->args[0], network(ctx->args[0]));
    return 0;
}
#endif

#ifdef HAVE_REFUSED
PROGRAM(icmp_send, refused)
{
    struct key key = {.point = REFUSED, .detail = (ctx->args[1] & 255) << 8 | (ctx->args[2] & 255)};
    packet(&key, ctx->args[0], network(ctx->args[0]));
    return 0;
}
#endif

/* A failed look-up has no next hop, hence no namespace: it counts under namespace 0. */
#ifdef HAVE_ROUTED
PROGRAM(fib_table_lookup, routed)
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
#endif

/* The lower one of both ports is the service's. */
#ifdef HAVE_RESENT
PROGRAM(tcp_retransmit_skb, resent)
{
    struct key key = {.point = RESENT, .protocol = 6};
    u64 sk = ctx->args[0];
    u16 near = 0, far = 0;
    u8 state = 0;
    READ(key.source, sk + SK_SOURCE);
    READ(key.target, sk + SK_TARGET);
    READ(near, sk + SK_PORT);
    READ(far, sk + SK_FAR_PORT);
    far = bpf_ntohs(far);
    key.detail = near < far ? near : far;
    if (!is_ours(key.source, key.target, key.detail))
        return 0;
    READ(state, sk + SK_STATE);
    key.place = state;
    key.netns = inode_of(sk + SK_NET);
    count(&key);
    return 0;
}
#endif

/* A segment of a watched machine whose TCP-MD5 signature is missing, not wanted, or wrong. */
static inline void md5(u64 sk, u64 skb, u32 fault)
{
    struct key key = {.point = MD5, .detail = fault};
    struct ip4 ip = {};
    READ(ip, network(skb));
    if (ip.version >> 4 != 4 || !role_of(ip.source) || !role_of(ip.target))
        return;
    key.source = ip.source;
    key.target = ip.target;
    key.protocol = ip.protocol;
    place(&key, skb);
    if (sk)
        key.netns = inode_of(sk + SK_NET);
    count(&key);
}

#ifdef HAVE_MD5_REQUIRED
PROGRAM(tcp_hash_md5_required, md5_required)
{
    md5(ctx->args[0], ctx->args[1], REQUIRED);
    return 0;
}
#endif

#ifdef HAVE_MD5_UNEXPECTED
PROGRAM(tcp_hash_md5_unexpected, md5_unexpected)
{
    md5(ctx->args[0], ctx->args[1], UNEXPECTED);
    return 0;
}
#endif

#ifdef HAVE_MD5_MISMATCH
PROGRAM(tcp_hash_md5_mismatch, md5_mismatch)
{
    md5(ctx->args[0], ctx->args[1], MISMATCH);
    return 0;
}
#endif
