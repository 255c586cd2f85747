package offheap.agent;

import java.lang.instrument.Instrumentation;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.Collections;
import java.util.Map;
import java.util.Set;

/**
 * Tells whether a class has been initialised, without initialising it: touching a class of the application before its time would
 * run code of the application in our thread.
 */
public final class Initialised {
    private Initialised() {}

    /** Asks {@code unsafe}, one of the two classes of that name; the public one lost the method in JDK 22. */
    public static boolean test(String unsafe, Class<?> type) throws Exception {
        Class<?> owner = Class.forName(unsafe);
        Field instance = owner.getDeclaredField("theUnsafe");
        Method question = owner.getMethod("shouldBeInitialized", Class.class);
        instance.setAccessible(true);
        return !((Boolean) question.invoke(instance.get(null), type));
    }

    /** Opens a package of java.base to the unnamed module of {@code reader}'s class loader. */
    static void export(String packageName, Class<?> reader, Instrumentation instrumentation) throws Exception {
        Method moduleOf = Class.class.getMethod("getModule");
        Set<?> readers = Collections.singleton(moduleOf.invoke(reader));
        Map<String, Set<?>> opened = Collections.singletonMap(packageName, readers);
        Class<?> module = Class.forName("java.lang.Module");
        Instrumentation.class
                .getMethod("redefineModule", module, Set.class, Map.class, Map.class, Set.class, Map.class)
                .invoke(instrumentation, moduleOf.invoke(Object.class), Collections.emptySet(), opened, opened,
                        Collections.emptySet(), Collections.emptyMap());
    }
}
