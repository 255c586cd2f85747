package offheap.agent;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.VMOption;
import java.lang.management.ManagementFactory;

/** What bounds direct buffers; a class of its own, because it needs the module jdk.management. */
final class Limits {
    private Limits() {}

    static String members() {
        HotSpotDiagnosticMXBean options = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
        VMOption direct = options.getVMOption("MaxDirectMemorySize");
        // What java.nio.Bits compares with: the option when somebody set it, else the heap's maximum.
        long most = direct.getOrigin() == VMOption.Origin.DEFAULT
                ? Runtime.getRuntime().maxMemory()
                : Long.parseLong(direct.getValue());
        boolean disabled = Boolean.parseBoolean(options.getVMOption("DisableExplicitGC").getValue());
        return "\"max_direct_bytes\":" + most + ",\"disable_explicit_gc\":" + disabled;
    }
}
