package offheap.agent;

import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.util.Locale;

/** The pools of java.nio; a class of its own, because it needs the module java.management. */
final class Pools {
    private Pools() {}

    static String members() {
        StringBuilder pools = new StringBuilder();
        for (BufferPoolMXBean pool : ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class)) {
            pools.append(pools.length() == 0 ? "" : ",")
                    .append(String.format(Locale.ROOT, "{\"name\":%s,\"count\":%d,\"used_bytes\":%d,\"capacity_bytes\":%d}",
                            BufferPools.quoted(pool.getName()), pool.getCount(), pool.getMemoryUsed(),
                            pool.getTotalCapacity()));
        }
        return "\"pools\":[" + pools + "]";
    }
}
